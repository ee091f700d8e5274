//! Leases: one holder at a time, until they expire; shares that are fair.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use platform::lease::{self, LASTS};
use platform::shares::{LAST, RENEW_EVERY};
use platform::{Db, Tx};

use crate::rig::{Rig, at_once};

const COUNT: i64 = 16;

async fn take(db: &Db, holder: &str) -> bool {
    let holder = holder.to_owned();
    db.write(async move |tx: &mut Tx| lease::take(tx, "work", &holder).await)
        .await
        .unwrap()
}

async fn give_back(db: &Db, holder: &'static str) {
    db.write(async move |tx: &mut Tx| lease::give_back(tx, holder).await)
        .await
        .unwrap();
}

async fn share(db: &Db, holder: &'static str) -> Vec<i64> {
    db.write(async move |tx: &mut Tx| lease::take_share(tx, ("relay", COUNT), (holder, LAST)).await)
        .await
        .unwrap()
        .numbers
}

pub async fn a_lease_has_one_holder_until_it_expires(rig: &Rig) {
    assert!(take(&rig.db, "one").await);
    assert!(take(&rig.db, "one").await, "it is renewed");
    assert!(!take(&rig.other, "two").await);
    rig.clock.advance(LASTS / 2);
    assert!(take(&rig.db, "one").await);
    rig.clock.advance(LASTS * 2 / 3);
    assert!(!take(&rig.other, "two").await, "renewed meanwhile");
    rig.clock.advance(LASTS);
    assert!(take(&rig.other, "two").await);
    assert!(!take(&rig.db, "one").await, "it has another holder now");
}

pub async fn a_lease_that_is_given_back_is_free_at_once(rig: &Rig) {
    assert!(take(&rig.db, "one").await);
    assert_eq!(share(&rig.db, "one").await.len(), 16);
    give_back(&rig.other, "two").await;
    assert!(!take(&rig.other, "two").await);
    give_back(&rig.db, "one").await;
    assert!(take(&rig.other, "two").await);
    assert_eq!(share(&rig.other, "two").await.len(), 16);
}

pub async fn of_many_that_ask_at_once_one_gets_it(rig: &Rig) {
    for _ in 0..5 {
        let asking = (0..12).map(|number| {
            let db = rig.either(number);
            async move { take(&db, &format!("replica-{number}")).await }
        });
        let taken = at_once(asking).await;
        let holders = taken.into_iter().filter(|taken| *taken);
        assert_eq!(holders.count(), 1);
        rig.clock.advance(LASTS * 2);
    }
}

/// Lets each replica renew until nothing changes, and says what each has.
async fn settle(rig: &Rig, replicas: &[&'static str]) -> Vec<usize> {
    let mut shares = Vec::new();
    for _ in 0..4 {
        rig.clock.advance(RENEW_EVERY + Duration::from_millis(1));
        shares = join_all(replicas.iter().enumerate().map(|(number, replica)| {
            let db = rig.either(number);
            async move { share(&db, replica).await }
        }))
        .await;
    }
    let all: Vec<i64> = shares.iter().flatten().copied().collect();
    let distinct: BTreeSet<i64> = all.iter().copied().collect();
    assert_eq!(
        distinct.len(),
        all.len(),
        "nothing is done twice: {shares:?}"
    );
    assert_eq!(distinct, (0..COUNT).collect(), "nothing is left undone");
    let mut sizes: Vec<usize> = shares.iter().map(Vec::len).collect();
    sizes.sort_unstable();
    sizes
}

pub async fn shares_are_fair_and_follow_the_number_of_replicas(rig: &Rig) {
    assert_eq!(settle(rig, &["one"]).await, [16]);
    assert_eq!(settle(rig, &["one", "two"]).await, [8, 8]);
    let three = settle(rig, &["one", "two", "three"]).await;
    assert!(three.iter().all(|size| (4..=6).contains(size)), "{three:?}");
    // One dies, one goes in order.
    assert_eq!(settle(rig, &["one", "three"]).await, [8, 8]);
    give_back(&rig.db, "one").await;
    assert_eq!(share(&rig.other, "three").await.len(), 16);
    assert_eq!(settle(rig, &["four", "three"]).await, [8, 8]);
}
