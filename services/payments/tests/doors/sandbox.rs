//! The sandbox as a provider: idempotent by key, durable, and right about what can't be done.

use std::sync::Arc;

use contracts::money::{Currency, Money};
use payments::domain::charge::Standing;
use payments::provider::sandbox::Sandbox;
use payments::provider::{Position, Provider, ProviderError};
use tempfile::TempDir;
use testing::TestClock;
use testing::postgres::Databases;

use crate::desk::{sandbox, sandbox_db};

fn usd(minor: i64) -> Money {
    Money {
        minor,
        currency: Currency::USD,
    }
}

/// Where the sandbox's data is.
type Place = (TempDir, Option<Arc<Databases>>);

async fn open() -> (Place, Sandbox) {
    let directory = tempfile::tempdir().unwrap();
    let databases = Databases::wanted().unwrap();
    let clock: Arc<TestClock> = TestClock::new();
    let db = sandbox_db(&directory, databases.as_deref(), &clock).await;
    ((directory, databases), sandbox(db, &clock))
}

fn invalid(code: &str) -> ProviderError {
    ProviderError::Invalid {
        code: code.to_owned(),
    }
}

#[tokio::test]
async fn one_key_is_one_charge() {
    let (_place, sandbox) = open().await;
    let first = sandbox.authorize("k", usd(100), "tok_visa").await.unwrap();
    assert_eq!(
        sandbox.authorize("k", usd(100), "tok_visa").await.unwrap(),
        first
    );
    assert_eq!(sandbox.look_up("k").await.unwrap(), Some(first));
    assert_eq!(sandbox.look_up("other").await.unwrap(), None);
    let other = sandbox.authorize("k", usd(101), "tok_visa").await;
    assert_eq!(other, Err(invalid("idempotency_mismatch")));
    let other = sandbox.authorize("k", usd(100), "tok_amex").await;
    assert_eq!(other, Err(invalid("idempotency_mismatch")));
    let unknown = sandbox.authorize("u", usd(100), "tok_nobody").await;
    assert_eq!(unknown, Err(invalid("invalid_token")));
    assert_eq!(
        sandbox.look_up("u").await.unwrap(),
        None,
        "nothing came of it"
    );
}

#[tokio::test]
async fn a_charge_never_goes_back() {
    let (_place, sandbox) = open().await;
    let taken = sandbox.authorize("a", usd(100), "tok_visa").await.unwrap();
    let taken = sandbox.capture(&taken.reference, "a:c").await.unwrap();
    assert_eq!(taken.standing, Standing::Captured);
    assert_eq!(sandbox.void(&taken.reference, "a:v").await.unwrap(), taken);
    let gone = sandbox.authorize("b", usd(100), "tok_visa").await.unwrap();
    let gone = sandbox.void(&gone.reference, "b:v").await.unwrap();
    assert_eq!(gone.standing, Standing::Voided);
    assert_eq!(sandbox.capture(&gone.reference, "b:c").await.unwrap(), gone);
    let refund = sandbox.refund(&gone.reference, 1, "b:r").await;
    assert_eq!(refund, Err(invalid("charge_not_refundable")));
    assert_eq!(
        sandbox.capture("ch_x", "x").await,
        Err(invalid("no_such_charge"))
    );
}

#[tokio::test]
async fn no_more_is_given_back_than_was_taken_and_once_for_a_key() {
    let (_place, sandbox) = open().await;
    let charge = sandbox.authorize("a", usd(100), "tok_visa").await.unwrap();
    let reference = charge.reference;
    sandbox.capture(&reference, "a:c").await.unwrap();
    for _ in 0..2 {
        let charge = sandbox.refund(&reference, 60, "r1").await.unwrap();
        assert_eq!((charge.held_minor(), charge.refunds.len()), (40, 1));
    }
    for wrong in [41, 0, -1] {
        let refused = sandbox.refund(&reference, wrong, "r2").await;
        assert_eq!(refused, Err(invalid("charge_not_refundable")), "{wrong}");
    }
    assert_eq!(
        sandbox
            .refund(&reference, 40, "r2")
            .await
            .unwrap()
            .held_minor(),
        0
    );
}

#[tokio::test]
async fn records_are_listed_page_by_page() {
    let (_place, sandbox) = open().await;
    for number in 0..7 {
        sandbox
            .authorize(&format!("k{number}"), usd(100), "tok_visa")
            .await
            .unwrap();
    }
    let mut keys = Vec::new();
    let mut position = Position::beginning();
    loop {
        let page = sandbox.list(&position, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        position = Position::of(last);
        keys.extend(page.into_iter().map(|charge| charge.key));
    }
    keys.sort();
    assert_eq!(keys, ["k0", "k1", "k2", "k3", "k4", "k5", "k6"]);
}
