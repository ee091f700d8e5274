//! Connections to PostgreSQL that are encrypted, and those that can't be, or to an impostor.

use platform::db::{Db, PostgresSettings, Wakers, params};
use platform::tls::Authorities;
use platform::{Failure, Tx};
use testing::TestClock;
use testing::certificates::Authority;
use testing::postgres::Postgres;

use crate::rig::{TABLES, open_postgres, surroundings};

/// A server with a certificate for 127.0.0.1, and who signed it.
fn encrypted() -> (Postgres, Authority) {
    let (server, authority) = (
        Postgres::temporary(false).unwrap(),
        Authority::new().unwrap(),
    );
    let shown = authority.sign("127.0.0.1").unwrap();
    server.encrypt(&shown.certificate, &shown.key).unwrap();
    server.reached().create_database("things").unwrap();
    (server, authority)
}

fn settings(server: &Postgres, mode: &str, authority: Option<&Authority>) -> PostgresSettings {
    let url = server.reached().url("things");
    PostgresSettings {
        authorities: authority.map(|one| Authorities::read(&one.file()).unwrap()),
        ..PostgresSettings::new(&format!("{url}?sslmode={mode}"))
    }
}

async fn open(settings: &PostgresSettings) -> anyhow::Result<Db> {
    let surroundings = surroundings(&TestClock::new(), &Wakers::default());
    open_postgres(settings, &[TABLES], surroundings).await
}

/// It is said at once, because waiting does not mend it.
async fn refused(settings: &PostgresSettings) -> String {
    let error = open(settings).await.err().expect("it is refused");
    let is_waited_for = matches!(error.downcast_ref(), Some(Failure::Unavailable(_)));
    assert!(!is_waited_for, "{error:#}");
    format!("{error:#}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_encrypted_where_that_is_required() {
    let (server, authority) = encrypted();
    for (mode, expected) in [("require", "true"), ("disable", "false")] {
        let db = open(&settings(&server, mode, Some(&authority))).await;
        let look = async |tx: &mut Tx| {
            let sql = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";
            tx.query_one(sql, params![]).await?.get::<String>(0)
        };
        assert_eq!(db.unwrap().read(look).await.unwrap(), expected, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_believed_only_what_its_authority_signed() {
    let (server, authority) = encrypted();
    let other = Authority::new().unwrap();
    for unknown in [None, Some(&other)] {
        let said = refused(&settings(&server, "require", unknown)).await;
        assert!(said.contains("UnknownIssuer"), "{said}");
        assert!(said.contains("--database-ca"), "{said}");
    }
    let known = settings(&server, "require", Some(&authority));
    let elsewhere = PostgresSettings {
        url: known.url.replace("127.0.0.1", "localhost"),
        ..known
    };
    let said = refused(&elsewhere).await;
    assert!(said.contains("not valid for name"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_encrypt_is_refused_where_that_is_required() {
    let server = Postgres::temporary(false).unwrap();
    server.reached().create_database("things").unwrap();
    let said = refused(&settings(&server, "require", None)).await;
    assert!(said.contains("ssl on"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_that_only_other_programs_know_is_named() {
    let settings = PostgresSettings::new("postgresql://me@127.0.0.1:1/things?sslmode=verify-full");
    let said = refused(&settings).await;
    assert!(said.contains("sslmode can be"), "{said}");
}
