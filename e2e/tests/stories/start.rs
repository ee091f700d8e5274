//! What stops the program at its start says which setting it is about.

use std::process::Output;

use e2e::{Composition, Marketplace, command, program};

async fn up(args: &[&str], variable: Option<(&str, &str)>) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let mut command = command(&program().unwrap(), &["up"]);
    command.current_dir(directory.path()).args(args);
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

#[tokio::test]
async fn a_data_directory_that_is_a_file_or_closed_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    for path in [file.clone(), file.join("below")] {
        let path = path.display().to_string();
        let output = up(&["--listen", "127.0.0.1:0", "--data-dir", &path], None).await;
        says(&output, &format!("--data-dir {path}"));
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "not a directory");
}
