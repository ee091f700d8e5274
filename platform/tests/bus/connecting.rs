//! The first connection: each thing that can be wrong with it has words of its own.

use std::time::Duration;

use platform::bus::Bus;
use platform::bus::jetstream::{self, ConnectError, Settings};
use platform::tasks::Tasks;
use testing::nats::USER;

async fn refused(settings: Settings) -> ConnectError {
    let settings = Settings {
        connect_timeout: Duration::from_secs(3),
        ..settings
    };
    let connected = jetstream::connect(&settings, &Tasks::default()).await;
    connected.err().expect("it is refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_settings_are_named() {
    let error = refused(Settings::new("http://127.0.0.1:1")).await;
    assert!(matches!(error, ConnectError::Malformed(_)), "{error}");
    let error = refused(Settings {
        namespace: "a.b".to_owned(),
        ..Settings::new("nats://127.0.0.1:1")
    })
    .await;
    assert!(matches!(error, ConnectError::Malformed(_)), "{error}");
    let error = refused(Settings {
        credentials_file: Some("no/such.creds".into()),
        ..Settings::new("nats://127.0.0.1:1")
    })
    .await;
    assert!(matches!(error, ConnectError::File(_)), "{error}");
    assert!(error.to_string().contains("no/such.creds"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_named() {
    let mut server = testing::nats::single().unwrap();
    server.kill().unwrap();
    let error = refused(Settings::new(server.url())).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    let place = server.url().replace("nats://", "");
    assert!(error.to_string().contains(&place), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_silent_is_unreachable() {
    let server = testing::nats::single().unwrap();
    server.pause().unwrap();
    let error = refused(Settings::new(server.url())).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_told_from_an_absent_server() {
    let server = testing::nats::with_password().unwrap();
    let (user, password) = USER;
    for url in [server.url_for(user, "wrong-secret"), server.url()] {
        let error = refused(Settings::new(url)).await;
        assert!(
            matches!(error, ConnectError::WrongCredentials { .. }),
            "{error}"
        );
        assert!(!error.to_string().contains("wrong-secret"), "{error}");
    }
    let settings = Settings::new(server.url_for(user, password));
    let bus = jetstream::connect(&settings, &Tasks::default())
        .await
        .unwrap();
    assert!(bus.is_connected());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_jetstream_is_told() {
    let server = testing::nats::without_jetstream().unwrap();
    let error = refused(Settings::new(server.url())).await;
    assert!(matches!(error, ConnectError::NoJetStream { .. }), "{error}");
}
