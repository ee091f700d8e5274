//! What stops a service at its start says on its last line which setting it is about, and what to do.

use std::fs;
use std::time::Duration;

use e2e::{command, program};
use servers::postgres::Reached;
use testing::certificates::Authority;
use testing::nats::{self, Account, Server, USER};
use testing::postgres;

/// How soon a process ends that can't start.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A key that is one, and opens nothing.
const KEY: (&str, &str) = (
    "--session-public-key",
    "k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI",
);

/// A password that must not be seen anywhere.
const WRONG: &str = "wr0ng-w0rd";

/// Where nobody listens.
const NOWHERE: &str = "127.0.0.1:1";

/// A service is started with these settings; it ends soon, and its last line has all of these words.
async fn ends(service: &str, settings: &[(&str, &str)], words: &[&str]) {
    let mut process = command(&program().unwrap(), &["serve", service]);
    process.args(["--listen", "127.0.0.1:0", "--connect-within", "1s"]);
    for (name, value) in settings {
        process.args([name, value]);
    }
    process.kill_on_drop(true);
    let output = tokio::time::timeout(ENDS_WITHIN, process.output()).await;
    let output = output
        .unwrap_or_else(|_| panic!("{service} {settings:?} goes on"))
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{settings:?}: {said}");
    assert!(!said.contains(WRONG), "a secret is told: {said}");
    let last = said.lines().last().unwrap_or_default();
    for word in words {
        assert!(last.contains(word), "{settings:?}: no {word:?} in: {said}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_usable_is_named() {
    let server = postgres::Server::get().unwrap();
    let reached = match &server {
        postgres::Server::Shared(reached) => reached,
        postgres::Server::Own(own) => own.reached(),
    };
    let (nats, made) = (nats::single().unwrap(), made(reached));
    let right = server.database("orders").unwrap().url;
    let wrong_password = right.replace(":secret@", &format!(":{WRONG}@"));
    assert_ne!(right, wrong_password);
    let nowhere = format!("postgresql://ticketing:{WRONG}@{NOWHERE}/orders");
    let cases: [(&str, &[&str]); 9] = [
        ("", &["postgresql://user:password@host"]),
        ("orders at home", &["postgresql://user:password@host"]),
        (
            &format!("mysql://me:{WRONG}@host/x"),
            &["postgresql://user:password@host"],
        ),
        (
            "postgresql://ticketing@127.0.0.1",
            &["names no database", "postgresql://"],
        ),
        (&wrong_password, &["password", "correct"]),
        (
            &reached.url("no_such_one"),
            &["no_such_one", "create database"],
        ),
        (&made.latin, &["LATIN1", "create database"]),
        (&made.tongue, &["compares texts", "create database"]),
        (&made.newer, &["0099_later", "use a newer version"]),
    ];
    for (url, words) in cases {
        let settings = [("--nats-url", &*nats.url()), ("--database-url", url), KEY];
        ends("orders", &settings, &["error: --database-url"]).await;
        ends("orders", &settings, words).await;
    }
    let settings = [
        ("--nats-url", &*nats.url()),
        ("--database-url", &nowhere),
        KEY,
    ];
    ends("orders", &settings, &["error: --database-url", NOWHERE]).await;
    // This is said before it is waited for anything.
    let settings = [("--nats-url", NOWHERE), ("--connect-within", "1h"), KEY];
    ends("orders", &settings[..1], &["--session-public-key"]).await;
    let settings = [("--nats-url", NOWHERE), KEY];
    let missing = ["error: --database-url", "is missing", "postgresql://"];
    ends("orders", &settings, &missing).await;
    let settings = [("--database-url", &*right), ("--nats-url", NOWHERE), KEY];
    let missing = ["error: --sandbox-database-url", "is missing"];
    ends("payments", &settings, &missing).await;
}

/// Databases that no service may use, by their URLs.
struct Made {
    latin: String,
    tongue: String,
    newer: String,
}

fn made(server: &Reached) -> Made {
    let name = |what: &str| format!("{what}_{}", std::process::id());
    let (latin, tongue, newer) = (name("latin"), name("tongue"), name("newer"));
    let make = |sql: String| server.psql("postgres", &sql).unwrap();
    make(format!(
        "create database {latin} template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'"
    ));
    // What a server that was made with its country's settings does by itself.
    make(format!(
        "create database {tongue} template template0 encoding 'UTF8' locale_provider icu \
         icu_locale 'en' lc_collate 'C' lc_ctype 'C'"
    ));
    server.create_database(&newer).unwrap();
    let later = "create table migrations (name text primary key, place bigint not null); \
                 insert into migrations values ('0099_later', 0)";
    server.psql(&newer, later).unwrap();
    Made {
        latin: server.url(&latin),
        tongue: server.url(&tongue),
        newer: server.url(&newer),
    }
}

#[tokio::test]
async fn a_bus_that_is_not_usable_is_named() {
    let database = ("--database-url", "postgresql://me@127.0.0.1:1/orders");
    let (bare, locked): (Server, Server) = (
        nats::without_jetstream().unwrap(),
        nats::with_password().unwrap(),
    );
    let cases = [
        (bare.url(), "-js"),
        (locked.url(), "user"),
        (locked.url(), "--nats-credentials"),
        (locked.url_for("tester", WRONG), "password"),
        (format!("nats://me:{WRONG}@{NOWHERE}"), NOWHERE),
        (format!("http://me:{WRONG}@host"), "nats://"),
        (String::new(), "nats://"),
    ];
    for (url, what) in cases {
        let settings = [("--nats-url", &*url), database, KEY];
        ends("orders", &settings, &["error: --nats-url", what]).await;
    }
    let missing = ["error: --nats-url", "is missing", "nats://host:4222"];
    ends("orders", &[database, KEY], &missing).await;
}

#[tokio::test]
async fn credentials_that_do_not_open_the_bus_are_named() {
    let (known, unknown) = (Account::new().unwrap(), Account::new().unwrap());
    let server = known.server().unwrap();
    let url = server.url();
    let database = ("--database-url", "postgresql://me@127.0.0.1:1/orders");
    let (theirs, ours) = (unknown.user().unwrap(), known.user().unwrap());
    let cases: [(&str, &[&str]); 3] = [
        ("no/such.creds", &["--nats-credentials", "no/such.creds"]),
        (
            theirs.to_str().unwrap(),
            &["--nats-url", "--nats-credentials"],
        ),
        // Past the bus: now the database is not there.
        (ours.to_str().unwrap(), &["--database-url", NOWHERE]),
    ];
    for (file, words) in cases {
        let file = ("--nats-credentials", file);
        ends(
            "orders",
            &[("--nats-url", &url), file, database, KEY],
            words,
        )
        .await;
    }
}

#[tokio::test]
async fn a_certificate_that_the_bus_does_not_take_is_named() {
    let (ours, theirs) = (Authority::new().unwrap(), Authority::new().unwrap());
    let nats = nats::asking(&ours.sign("127.0.0.1").unwrap(), &ours).unwrap();
    let url = nats.url().replace("nats://", "tls://");
    let (bus, ca) = (("--nats-url", &*url), ours.file());
    let ca = ("--nats-ca", ca.to_str().unwrap());
    let database = ("--database-url", "postgresql://me@127.0.0.1:1/orders");
    let directory = tempfile::tempdir().unwrap();
    let (known, unknown) = (
        directory.path().join("known"),
        directory.path().join("unknown"),
    );
    for (file, authority) in [(&known, &ours), (&unknown, &theirs)] {
        let shown = authority.sign("orders.example").unwrap();
        fs::write(file, shown.certificate + &shown.key).unwrap();
    }
    let wanted = [
        "error: --nats-url",
        "wants a certificate",
        "--nats-certificate",
    ];
    ends("orders", &[bus, ca, database, KEY], &wanted).await;
    let cases: [(&str, &[&str]); 3] = [
        ("no/such.pem", &["error: --nats-certificate", "no/such.pem"]),
        (unknown.to_str().unwrap(), &wanted),
        // Past the bus: now the database is not there.
        (known.to_str().unwrap(), &["--database-url", NOWHERE]),
    ];
    for (file, words) in cases {
        let shown = [
            ("--nats-certificate", file),
            ("--nats-certificate-key", file),
        ];
        ends(
            "orders",
            &[&[bus, ca, database, KEY], &shown[..]].concat(),
            words,
        )
        .await;
    }
}

#[tokio::test]
async fn an_authority_that_is_not_believed_is_named() {
    let authority = Authority::new().unwrap();
    let shown = authority.sign("127.0.0.1").unwrap();
    let nats = nats::encrypted(&shown).unwrap();
    let url = nats.url_for(USER.0, USER.1).replace("nats://", "tls://");
    let (bus, file) = (("--nats-url", &*url), authority.file());
    let (ca, nowhere) = (("--nats-ca", file.to_str().unwrap()), "no/such.pem");
    let database = ("--database-url", "postgresql://me@127.0.0.1:1/orders");

    let unknown = ["error: --nats-url", "UnknownIssuer", "--nats-ca"];
    ends("orders", &[bus, database, KEY], &unknown).await;
    let settings = [bus, ("--nats-ca", nowhere), database, KEY];
    ends("orders", &settings, &["error: --nats-ca", nowhere]).await;
    // Past the bus: now the database is not there.
    let settings = [bus, ca, database, KEY];
    ends("orders", &settings, &["error: --database-url", NOWHERE]).await;
    let settings = [bus, ca, ("--database-ca", nowhere), database, KEY];
    ends("orders", &settings, &["error: --database-ca", nowhere]).await;

    let server = postgres::Postgres::temporary(false).unwrap();
    server.encrypt(&shown.certificate, &shown.key).unwrap();
    let url = server.reached().url("no_such_one") + "?sslmode=require";
    let database = ("--database-url", &*url);
    let unknown = ["error: --database-url", "UnknownIssuer", "--database-ca"];
    ends("orders", &[bus, ca, database, KEY], &unknown).await;
    let known = ("--database-ca", ca.1);
    let settings = [bus, ca, database, known, KEY];
    ends(
        "orders",
        &settings,
        &["error: --database-url", "create database"],
    )
    .await;
}

#[tokio::test]
async fn a_key_that_is_not_one_is_named() {
    let around = [
        ("--database-url", "postgresql://me@127.0.0.1:1/orders"),
        ("--nats-url", NOWHERE),
    ];
    let public = "error: --session-public-key";
    ends("orders", &around, &[public, "ticketing keys"]).await;
    let malformed = [around[0], around[1], (KEY.0, "k4.public.x")];
    ends("orders", &malformed, &[public, "k4.public."]).await;
    let secret = "error: --session-key";
    ends("auth", &around, &[secret, "ticketing keys"]).await;
    let malformed = [around[0], around[1], ("--session-key", WRONG)];
    ends("auth", &malformed, &[secret, "k4.secret."]).await;
}

#[tokio::test]
async fn the_way_to_the_services_is_named() {
    let bus = ("--nats-url", NOWHERE);
    let gateway = "error: --gateway-url";
    ends("web", &[bus], &[gateway, "http://gateway:3000"]).await;
    for malformed in ["gateway:3000", "https://gateway", "http://gateway/api"] {
        let settings = [bus, ("--gateway-url", malformed)];
        ends("web", &settings, &[gateway, "http://gateway:3000"]).await;
    }
    let upstream = "error: --upstream";
    ends("gateway", &[], &[upstream, "=host:port is missing"]).await;
    let unknown = [("--upstream", "ordres=127.0.0.1:1")];
    ends("gateway", &unknown, &[upstream, "ordres", "orders"]).await;
    for malformed in ["orders", "orders=", "orders=host", "orders=host:port"] {
        let settings = [("--upstream", malformed)];
        ends("gateway", &settings, &[upstream, "orders=host:port"]).await;
    }
}
