//! A stop that nobody notices: not ready at once, answering on, then the end.

use std::process::Stdio;
use std::time::Duration;

use e2e::{Client, command, program};
use http::StatusCode;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

/// Longer than the whole stop takes.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

struct Marketplace {
    address: std::net::SocketAddr,
    process: Child,
    _directory: tempfile::TempDir,
}

impl Marketplace {
    async fn start(drain_for: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut process = command(&program().unwrap(), &["up", "--listen", "127.0.0.1:0"]);
        process
            .args(["--drain-for", drain_for])
            .current_dir(directory.path());
        process.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = process.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let address = line.strip_prefix("listening on http://").unwrap();
        Self {
            address: address.parse().unwrap(),
            process,
            _directory: directory,
        }
    }

    async fn terminate(&self) {
        let mut kill = tokio::process::Command::new("kill");
        let pid = self.process.id().unwrap().to_string();
        assert!(kill.args(["-TERM", &pid]).status().await.unwrap().success());
    }

    /// Waits until it says that it is not ready.
    async fn until_unready(&self) {
        loop {
            let mut probe = Client::connect(self.address).await.unwrap();
            let answer = probe.get("/readyz").await.unwrap();
            if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                assert_eq!(answer.json()["checks"]["goes on"], false);
                return;
            }
        }
    }

    async fn ends(mut self) {
        let ended = tokio::time::timeout(ENDS_WITHIN, self.process.wait()).await;
        assert!(ended.unwrap().unwrap().success());
    }
}

#[tokio::test]
async fn it_answers_on_while_it_says_that_it_is_not_ready() {
    let marketplace = Marketplace::start("2s").await;
    let mut kept = Client::sign_up(marketplace.address, "ada").await.unwrap();
    assert_eq!(kept.get("/").await.unwrap().headers.get("connection"), None);
    let told = tokio::time::Instant::now();
    marketplace.terminate().await;
    marketplace.until_unready().await;
    let mut answers = 0;
    // A connection that was there is told to end, and a new one is taken: as long as it lasts.
    while told.elapsed() < Duration::from_millis(1500) {
        let answer = kept.get("/api/users/currentuser").await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers.get("connection").unwrap(), "close");
        answers += 1;
    }
    assert!(answers > 10, "{answers}");
    kept.list_ticket("Last").await.unwrap();
    marketplace.ends().await;
    assert!(
        told.elapsed() >= Duration::from_secs(2),
        "{:?}",
        told.elapsed()
    );
}

#[tokio::test]
async fn whoever_can_not_wait_says_so_twice() {
    let marketplace = Marketplace::start("1h").await;
    marketplace.terminate().await;
    marketplace.until_unready().await;
    marketplace.terminate().await;
    marketplace.ends().await;
}
