//! The first connection: each thing that can be wrong with it has words of its own.

use std::path::PathBuf;
use std::time::Duration;

use platform::bus::Bus;
use platform::bus::jetstream::{self, ConnectError, Settings};
use platform::tasks::Tasks;
use platform::tls::{Authorities, Identity};
use tempfile::TempDir;
use testing::certificates::Authority;
use testing::nats::{Account, Server, USER};

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
    assert!(matches!(error, ConnectError::CredentialsFile(_)), "{error}");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_a_server_that_wants_it() {
    let token = "t0ken";
    let server = testing::nats::with_token(token).unwrap();
    let url = |token: &str| format!("nats://{token}@127.0.0.1:{}", server.port());
    for wrong in [url("wr0ng"), server.url()] {
        let error = refused(Settings::new(wrong)).await;
        let is_told = matches!(error, ConnectError::WrongCredentials { .. });
        assert!(is_told && !error.to_string().contains("wr0ng"), "{error}");
    }
    let settings = Settings::new(url(token));
    let bus = jetstream::connect(&settings, &Tasks::default()).await;
    assert!(bus.unwrap().is_connected());
}

/// Where an encrypted server is reached, and who signed its certificate.
fn encrypted(server: &Server, scheme: &str, authority: Option<&Authority>) -> Settings {
    let (user, password) = USER;
    let url = server.url_for(user, password);
    Settings {
        authorities: authority.map(|one| Authorities::read(&one.file()).unwrap()),
        ..Settings::new(url.replace("nats://", scheme))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_encrypted_for_a_server_whose_authority_is_known() {
    let authority = Authority::new().unwrap();
    let server = testing::nats::encrypted(&authority.sign("127.0.0.1").unwrap()).unwrap();
    for scheme in ["tls://", "nats://"] {
        let settings = encrypted(&server, scheme, Some(&authority));
        let bus = jetstream::connect(&settings, &Tasks::default()).await;
        assert!(bus.unwrap().is_connected(), "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_believed_is_told() {
    let (ours, theirs) = (Authority::new().unwrap(), Authority::new().unwrap());
    let server = testing::nats::encrypted(&ours.sign("127.0.0.1").unwrap()).unwrap();
    let elsewhere = testing::nats::encrypted(&ours.sign("nats.example").unwrap()).unwrap();
    for (settings, why) in [
        (encrypted(&server, "tls://", None), "UnknownIssuer"),
        (
            encrypted(&server, "nats://", Some(&theirs)),
            "UnknownIssuer",
        ),
        (
            encrypted(&elsewhere, "tls://", Some(&ours)),
            "not valid for name",
        ),
    ] {
        let error = refused(settings).await;
        let is_told = matches!(error, ConnectError::Untrusted { .. });
        assert!(is_told && error.to_string().contains(why), "{error}");
    }
}

/// The files of a client's certificate and of its key, in a directory.
fn shown(directory: &TempDir, authority: &Authority) -> Identity {
    let certificate = authority.sign("client.example").unwrap();
    let file = |name: &str, text: &str| {
        let file = directory.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let pem = file("client.pem", &certificate.certificate);
    Identity::find(&pem, &file("client.key", &certificate.key)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_shown_the_certificate_that_it_wants() {
    let (ours, theirs) = (Authority::new().unwrap(), Authority::new().unwrap());
    let (known, unknown) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = testing::nats::asking(&ours.sign("127.0.0.1").unwrap(), &ours).unwrap();
    let with = |identity: Option<Identity>| Settings {
        authorities: Some(Authorities::read(&ours.file()).unwrap()),
        identity,
        ..Settings::new(server.url().replace("nats://", "tls://"))
    };
    for wrong in [None, Some(shown(&unknown, &theirs))] {
        let error = refused(with(wrong)).await;
        let is_told = matches!(error, ConnectError::CertificateRefused { .. });
        assert!(is_told, "{error}");
    }
    let settings = with(Some(shown(&known, &ours)));
    let bus = jetstream::connect(&settings, &Tasks::default()).await;
    assert!(bus.unwrap().is_connected());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_encrypt_is_shown_no_password() {
    let authority = Authority::new().unwrap();
    let server = testing::nats::with_password().unwrap();
    let alone = encrypted(&server, "tls://", Some(&authority));
    // One server that encrypts is enough to want it of all.
    let among = Settings {
        urls: format!(
            "{},tls://127.0.0.1:1",
            encrypted(&server, "nats://", None).urls
        ),
        ..alone.clone()
    };
    for settings in [alone, among] {
        let error = refused(settings).await;
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
        println!("{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_credentials_opens_a_server_that_knows_who_signed_it() {
    let (known, unknown) = (Account::new().unwrap(), Account::new().unwrap());
    let server = known.server().unwrap();
    let with = |file: Option<PathBuf>| Settings {
        credentials_file: file,
        ..Settings::new(server.url())
    };
    for wrong in [None, Some(unknown.user().unwrap())] {
        let error = refused(with(wrong)).await;
        let is_told = matches!(error, ConnectError::WrongCredentials { .. });
        assert!(is_told, "{error}");
    }
    let settings = with(Some(known.user().unwrap()));
    let bus = jetstream::connect(&settings, &Tasks::default()).await;
    assert!(bus.unwrap().is_connected());
}
