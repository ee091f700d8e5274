//! Tests of idempotency keys against a real database.

use std::sync::atomic::{AtomicI64, Ordering};

use http::Request;
use tempfile::TempDir;

use super::*;
use crate::http::test_context::{SetClock, context};
use crate::session::Sessions;

struct Fixture {
    ctx: Context,
    clock: Arc<SetClock>,
    /// How often the work was done.
    effects: Arc<AtomicI64>,
    _directory: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let (ctx, clock, directory) = context(Sessions::new(Vec::new()));
        Self {
            ctx,
            clock,
            effects: Arc::default(),
            _directory: directory,
        }
    }

    /// Does the work: answers how often it was done, as it is then in the database.
    async fn post(&self, key: Option<&str>, user: &str, body: &str) -> Result<Answer> {
        let effects = Arc::clone(&self.effects);
        asked("POST", "/api/things", key)
            .run(&self.ctx, user, body, async move |_: &mut Tx| {
                let count = effects.fetch_add(1, Ordering::SeqCst) + 1;
                Ok(Answer::json(StatusCode::CREATED, &count)?.etag(1))
            })
            .await
    }

    async fn rows(&self) -> i64 {
        let count = async |tx: &mut Tx| {
            tx.query_one("select count(*) from idempotency_keys", &[])
                .await?
                .get(0)
        };
        self.ctx.db.read(count).await.unwrap()
    }
}

fn asked(method: &str, path: &str, key: Option<&str>) -> Idempotency {
    let method_and_path = format!("{method}|{path}");
    Idempotency {
        key: key.map(str::to_owned),
        method_and_path,
    }
}

fn code(failure: &Failure) -> (u16, &'static str) {
    let refused = failure.refused().unwrap();
    (refused.status.as_u16(), refused.code)
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let fixture = Fixture::new();
    let first = fixture.post(Some("k"), "ann", "body").await.unwrap();
    let again = fixture.post(Some("k"), "ann", "body").await.unwrap();
    assert_eq!(first, again);
    assert_eq!(fixture.effects.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn other_users_paths_and_keys_are_other_requests() {
    let fixture = Fixture::new();
    for (key, user) in [
        (Some("k"), "ann"),
        (Some("k"), "bob"),
        (Some("l"), "ann"),
        (None, "ann"),
        (None, "ann"),
    ] {
        fixture.post(key, user, "body").await.unwrap();
    }
    let elsewhere = asked("POST", "/api/others", Some("k"));
    assert!(matches!(
        elsewhere.begin(&fixture.ctx, "ann", "body").await.unwrap(),
        Begun::New(_)
    ));
    assert_eq!(fixture.effects.load(Ordering::SeqCst), 5);
    assert_eq!(fixture.rows().await, 3);
}

#[tokio::test]
async fn a_key_can_not_be_used_for_something_else() {
    let fixture = Fixture::new();
    fixture.post(Some("k"), "ann", "body").await.unwrap();
    let failure = fixture.post(Some("k"), "ann", "another").await.unwrap_err();
    assert_eq!(code(&failure), (422, "idempotency_key_reused"));
    assert_eq!(fixture.effects.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn while_the_first_runs_the_second_is_refused() {
    let fixture = Fixture::new();
    let asked = asked("POST", "/api/things", Some("k"));
    let running = asked.begin(&fixture.ctx, "ann", "body").await.unwrap();
    let failure = fixture.post(Some("k"), "ann", "body").await.unwrap_err();
    assert_eq!(code(&failure), (409, "idempotency_in_progress"));
    drop(running);
    fixture.post(Some("k"), "ann", "body").await.unwrap();
}

#[tokio::test]
async fn of_two_at_once_only_one_is_kept() {
    let fixture = Fixture::new();
    let Begun::New(first) = asked("POST", "/api/things", Some("k"))
        .begin(&fixture.ctx, "ann", "body")
        .await
        .unwrap()
    else {
        panic!("it is new");
    };
    // Another replica has a table of running requests of its own.
    let elsewhere = Context {
        in_flight: InFlight::default(),
        ..fixture.ctx.clone()
    };
    let second = asked("POST", "/api/things", Some("k"));
    let work = async |_: &mut Tx| Answer::json(StatusCode::CREATED, &"second");
    let kept = second.run(&elsewhere, "ann", "body", work).await.unwrap();
    let work = async |tx: &mut Tx| {
        tx.execute("insert into meta (name, value) values ('effect', 1)", &[])
            .await?;
        Ok(Answer::empty(StatusCode::OK))
    };
    let failure = first.write(&fixture.ctx, work).await.unwrap_err();
    assert_eq!(code(&failure), (409, "idempotency_in_progress"));
    let count = async |tx: &mut Tx| {
        tx.query_one("select count(*) from meta where name = 'effect'", &[])
            .await?
            .get::<i64>(0)
    };
    assert_eq!(
        fixture.ctx.db.read(count).await.unwrap(),
        0,
        "the loser was rolled back"
    );
    assert_eq!(fixture.post(Some("k"), "ann", "body").await.unwrap(), kept);
}

#[tokio::test]
async fn final_refusals_are_kept_and_others_are_not() {
    let taken = || Refused::conflict("taken", "somebody else has it");
    let cases = [
        (taken(), 1),
        (Refused::forbidden("not_yours", "no"), 1),
        (Refused::invalid("invalid_input", "no"), 0),
        (Refused::not_ready(), 0),
        (Refused::not_found(), 0),
        (
            Refused {
                retry_after: Some(9),
                ..Refused::new(StatusCode::TOO_MANY_REQUESTS, "slow", "no")
            },
            0,
        ),
    ];
    for (refused, kept) in cases {
        let fixture = Fixture::new();
        let asked = asked("POST", "/api/things", Some("k"));
        let said = refused.clone();
        let work = async move |_: &mut Tx| Err(said.clone().into());
        let failure = asked
            .run(&fixture.ctx, "ann", "body", work)
            .await
            .unwrap_err();
        assert_eq!(failure.refused(), Some(&refused));
        assert_eq!(fixture.rows().await, kept, "{refused:?}");
        if kept == 1 {
            let again = fixture.post(Some("k"), "ann", "body").await.unwrap();
            assert_eq!(again, refused.answer());
        } else {
            assert_eq!(
                fixture
                    .post(Some("k"), "ann", "body")
                    .await
                    .unwrap()
                    .status(),
                201
            );
        }
    }
}

#[tokio::test]
async fn faults_of_our_own_are_not_kept() {
    let fixture = Fixture::new();
    let broken = async |_: &mut Tx| Err(anyhow::anyhow!("oops").into());
    let asked = asked("POST", "/api/things", Some("k"));
    asked
        .run(&fixture.ctx, "ann", "body", broken)
        .await
        .unwrap_err();
    assert_eq!(fixture.rows().await, 0);
    fixture.post(Some("k"), "ann", "body").await.unwrap();
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let fixture = Fixture::new();
    let first = fixture.post(Some("k"), "ann", "body").await.unwrap();
    fixture
        .clock
        .advance(KEPT_FOR.checked_sub(Duration::from_secs(1)).unwrap());
    assert_eq!(fixture.post(Some("k"), "ann", "body").await.unwrap(), first);
    fixture.clock.advance(Duration::from_secs(1));
    let anew = fixture.post(Some("k"), "ann", "other body").await.unwrap();
    assert_ne!(anew, first);
    assert_eq!(
        fixture.post(Some("k"), "ann", "other body").await.unwrap(),
        anew
    );
}

#[tokio::test]
async fn the_sweep_deletes_what_is_a_day_old() {
    let fixture = Fixture::new();
    fixture.post(Some("old"), "ann", "body").await.unwrap();
    fixture.clock.advance(KEPT_FOR);
    fixture.post(Some("new"), "ann", "body").await.unwrap();
    assert_eq!(sweep(&fixture.ctx.db, fixture.ctx.now()).await.unwrap(), 1);
    assert_eq!(fixture.rows().await, 1);
    assert_eq!(sweep(&fixture.ctx.db, fixture.ctx.now()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_stored_answer_is_bound_without_a_transaction_of_the_caller() {
    let fixture = Fixture::new();
    let asked = asked("POST", "/api/things", Some("k"));
    let Begun::New(guard) = asked.begin(&fixture.ctx, "ann", "body").await.unwrap() else {
        panic!("it is new");
    };
    let answer = Answer::json(StatusCode::CREATED, &"done").unwrap();
    guard.store(&fixture.ctx, &answer).await.unwrap();
    drop(guard);
    assert_eq!(
        fixture.post(Some("k"), "ann", "body").await.unwrap(),
        answer
    );
}

async fn extracted(key: &str) -> Result<Option<String>, &'static str> {
    let request = Request::post("/api/things?x=1").header("idempotency-key", key.as_bytes());
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    match Idempotency::from_request_parts(&mut parts, &()).await {
        Ok(idempotency) => {
            assert_eq!(idempotency.method_and_path, "POST|/api/things");
            Ok(idempotency.key)
        }
        Err(failure) => Err(code(&failure).1),
    }
}

#[tokio::test]
async fn keys_are_read_quoted_or_bare() {
    let long = "x".repeat(255);
    for (text, key) in [
        ("abc-123", "abc-123"),
        ("\"abc-123\"", "abc-123"),
        (r#""a\"b\\c""#, r#"a"b\c"#),
        (
            "8e03978e-40d5-43e8-bc93-6894a57f9324",
            "8e03978e-40d5-43e8-bc93-6894a57f9324",
        ),
        (&long, &long),
    ] {
        assert_eq!(extracted(text).await, Ok(Some(key.to_owned())), "{text}");
    }
    for bad in [
        "",
        "\"\"",
        "two words",
        "\"open",
        "\"a\" x",
        "\"a\\n\"",
        "\u{e4}",
        &"x".repeat(256),
    ] {
        assert_eq!(
            extracted(bad).await,
            Err("invalid_idempotency_key"),
            "{bad}"
        );
    }
}
