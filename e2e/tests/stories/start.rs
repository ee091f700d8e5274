//! What stops the program at its start says which setting it is about.

use std::process::Output;

use e2e::{Composition, Marketplace, program};
use tokio::process::Command;

async fn up(args: &[&str], variable: Option<(&str, &str)>) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(program().unwrap());
    command.current_dir(directory.path()).arg("up").args(args);
    command.envs(variable);
    tokio::time::timeout(std::time::Duration::from_secs(20), command.output())
        .await
        .unwrap()
        .unwrap()
}

fn says(output: &Output, what: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains(what),
        "{what}: {said}"
    );
}

#[tokio::test]
async fn a_wrong_setting_is_named() {
    says(&up(&["--order-hold", "15"], None).await, "--order-hold");
    says(
        &up(&["--public-url", "tickets.example"], None).await,
        "--public-url",
    );
    says(&up(&["--no-such-setting"], None).await, "--no-such-setting");
    says(
        &up(&[], Some(("TICKETING_LISTN", "x"))).await,
        "TICKETING_LISTN",
    );
    says(
        &up(&[], Some(("TICKETING_LISTEN", "nowhere"))).await,
        "--listen",
    );
    says(&up(&["--smtp-url", "http://x"], None).await, "--smtp-url");
}

#[tokio::test]
async fn a_port_or_a_directory_in_use_is_named() {
    let marketplace = Marketplace::start(Composition::Embedded, &[])
        .await
        .unwrap();
    let address = marketplace.address.to_string();
    says(&up(&["--listen", &address], None).await, &address);
    let directory = marketplace.data_dir().display().to_string();
    let output = up(&["--listen", "127.0.0.1:0", "--data-dir", &directory], None).await;
    says(&output, "another process is using it");
    says(
        &up(
            &["--listen", "127.0.0.1:0", "--data-dir", "/proc/nowhere"],
            None,
        )
        .await,
        "--data-dir",
    );
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn the_data_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let marketplace = Marketplace::start(Composition::Embedded, &[])
        .await
        .unwrap();
    let mode = std::fs::metadata(marketplace.data_dir())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    marketplace.audit_and_stop().await.unwrap();
}
