//! The image runs read-only, as nobody, without capabilities, and stops when it is told to.

use std::time::Duration;

use deploy::container::{Container, DATA};
use e2e::Client;
use http::StatusCode;

use crate::image;

/// Longer than a stop may take (ten seconds for what runs, and closing files).
const STOPS_WITHIN: Duration = Duration::from_secs(15);

/// Where the marketplace of a container keeps everything: below what a volume is mounted on.
fn data() -> String {
    format!("{DATA}/ticketing")
}

#[tokio::test]
async fn the_whole_marketplace_runs_in_it() {
    let image = image();
    let data = data();
    let mut container = Container::start(
        &image,
        &[
            "up",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            &data,
            "--demo",
        ],
        &[],
    )
    .unwrap();
    let address = container.address().unwrap();
    let mut client = Client::sign_up(address, "ada").await.unwrap();
    for path in ["/healthz", "/readyz", "/metrics", "/", "/api/tickets"] {
        let answer = client.get(path).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
    client.list_ticket("From a container").await.unwrap();
    is_confined(container.pid().unwrap());
    let (status, log) = container.terminate(STOPS_WITHIN).unwrap();
    assert!(status.success(), "{status}: {log}");
    assert!(log.contains("stopped"), "{log}");
}

/// What the kernel says of the process.
fn is_confined(pid: u64) {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let status = read("status");
    for line in [
        "Uid:\t65532\t65532\t65532\t65532",
        "Gid:\t65532\t65532\t65532\t65532",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(status.contains(line), "{line}: {status}");
    }
    let mounts = read("mounts");
    let mut root = mounts
        .lines()
        .filter(|line| line.split(' ').nth(1) == Some("/"));
    let options = root.next().and_then(|line| line.split(' ').nth(3)).unwrap();
    assert!(options.split(',').any(|option| option == "ro"), "{mounts}");
}

#[tokio::test]
async fn what_it_may_not_write_is_named() {
    let image = image();
    let mut container = Container::start(&image, &["up", "--data-dir", "/elsewhere"], &[]).unwrap();
    let (status, log) = container.ends(STOPS_WITHIN).unwrap();
    assert!(!status.success());
    let last = log.lines().last().unwrap_or_default();
    assert!(last.contains("--data-dir /elsewhere"), "{log}");
    assert!(last.contains("Read-only file system"), "{log}");
}

#[tokio::test]
async fn a_service_whose_settings_are_missing_says_so_and_ends() {
    let image = image();
    let wrong = [("TICKETING_ORDER_HOLD", "soon")];
    for (variables, setting) in [
        (&[][..], "TICKETING_SESSION_PUBLIC_KEYS"),
        (&wrong[..], "--order-hold"),
    ] {
        let mut container = Container::start(&image, &["serve", "orders"], variables).unwrap();
        let (status, log) = container.ends(STOPS_WITHIN).unwrap();
        assert!(!status.success());
        assert!(log.contains(setting), "{log}");
    }
}
