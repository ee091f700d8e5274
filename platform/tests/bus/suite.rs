//! What every bus must do with events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use contracts::Envelope;
use futures::StreamExt;
use platform::bus::ACKNOWLEDGE_WITHIN;

use crate::rig::{AGGREGATE, Rig, event, next, publish, stopwatch, take};

/// Runs each as a test of its own, on a rig of its own.
macro_rules! every_bus {
    ($rig:expr, $($suite:ident :: $case:ident),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            crate::$suite::$case(&$rig).await;
        })+
    };
}

/// Names all cases once, so that no bus is spared one.
macro_rules! all_cases {
    ($apply:ident, $rig:expr) => {
        $apply!(
            $rig,
            suite::events_of_a_key_come_in_order,
            suite::what_is_dropped_comes_again,
            suite::what_is_refused_comes_again_after_the_delay,
            suite::an_event_that_is_published_twice_does_no_harm,
            suite::replicas_of_a_consumer_share,
            suite::consumers_hear_independently,
            suite::keys_that_wait_stop_no_other,
            suite_of_words::a_question_is_answered,
            suite_of_words::a_large_answer_arrives_whole,
            suite_of_words::nobody_answers_at_once,
            suite_of_words::a_question_that_is_dropped_fails_at_once,
            suite_of_words::the_limit_of_a_question_holds,
            suite_of_words::followers_hear_events,
            suite_of_words::listeners_hear_announcements,
            suite_of_words::replicas_wake_each_other,
        );
    };
}

pub(crate) use {all_cases, every_bus};

pub async fn events_of_a_key_come_in_order(rig: &Rig) {
    const OWNER: &str = "ordered";
    let mut deliveries = rig.far.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    let events: Vec<_> = (1..=10)
        .flat_map(|version| (0..20).map(move |key| event(OWNER, &format!("k {key}.*"), version)))
        .collect();
    publish(rig.near.as_ref(), &events).await;
    let mut versions: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (key, version) in take(&mut deliveries, &events).await {
        versions.entry(key).or_default().push(version);
    }
    assert_eq!(versions.len(), 20);
    for (key, versions) in versions {
        assert_eq!(versions, (1..=10).collect::<Vec<_>>(), "{key}");
    }
}

pub async fn what_is_dropped_comes_again(rig: &Rig) {
    const OWNER: &str = "dropped";
    let mut deliveries = rig.far.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    publish(rig.near.as_ref(), &[event(OWNER, "a", 1)]).await;
    let first = next(&mut deliveries).await;
    assert_eq!(first.attempt, 1);
    drop(first);
    let dropped = stopwatch();
    let second = next(&mut deliveries).await;
    assert_eq!(
        (second.envelope.id.as_str(), second.attempt),
        ("counter/a/1/1", 2)
    );
    let took = dropped();
    assert!(
        took + Duration::from_millis(100) >= ACKNOWLEDGE_WITHIN,
        "{took:?}"
    );
    assert!(took < ACKNOWLEDGE_WITHIN * 2, "{took:?}");
    second.acknowledge();
}

pub async fn what_is_refused_comes_again_after_the_delay(rig: &Rig) {
    const OWNER: &str = "refused";
    let mut deliveries = rig.far.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    publish(rig.near.as_ref(), &[event(OWNER, "a", 1)]).await;
    let first = next(&mut deliveries).await;
    assert_eq!(first.attempt, 1);
    first.again(Duration::from_millis(400));
    let refused = stopwatch();
    // What comes later is not held up by what waits.
    publish(rig.near.as_ref(), &[event(OWNER, "b", 1)]).await;
    let other = next(&mut deliveries).await;
    assert_eq!(other.envelope.subject, "b");
    other.acknowledge();
    let second = next(&mut deliveries).await;
    assert_eq!((second.envelope.subject.as_str(), second.attempt), ("a", 2));
    assert!(refused() >= Duration::from_millis(350), "{:?}", refused());
    second.again(Duration::ZERO);
    let third = next(&mut deliveries).await;
    assert_eq!(third.attempt, 3);
    assert!(refused() < Duration::from_secs(5), "{:?}", refused());
    third.acknowledge();
}

pub async fn an_event_that_is_published_twice_does_no_harm(rig: &Rig) {
    const OWNER: &str = "twice";
    let mut deliveries = rig.far.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    let (first, second) = (event(OWNER, "a", 1), event(OWNER, "a", 2));
    publish(
        rig.near.as_ref(),
        &[Arc::clone(&first), Arc::clone(&first), second.clone()],
    )
    .await;
    let came = take(&mut deliveries, &[second]).await;
    let firsts = came.iter().filter(|(_, version)| *version == 1).count();
    assert!((1..=2).contains(&firsts), "{came:?}");
}

pub async fn replicas_of_a_consumer_share(rig: &Rig) {
    const OWNER: &str = "shared-by-two";
    let one = rig.near.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    let two = rig.far.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    let events: Vec<_> = (1..=300).map(|v| event(OWNER, "a", v)).collect();
    publish(rig.near.as_ref(), &events).await;
    let mut both = futures::stream::select(one, two).boxed();
    let mut came: Vec<_> = take(&mut both, &events).await;
    assert_eq!(came.len(), events.len(), "each comes to one of them");
    came.sort();
    came.dedup();
    assert_eq!(came.len(), events.len());
}

pub async fn consumers_hear_independently(rig: &Rig) {
    const OWNER: &str = "two-consumers";
    let mut one = rig.near.subscribe("one", OWNER, AGGREGATE).await.unwrap();
    let mut two = rig.far.subscribe("two", OWNER, AGGREGATE).await.unwrap();
    let events: Vec<_> = (1..=50).map(|v| event(OWNER, "a", v)).collect();
    publish(rig.near.as_ref(), &events).await;
    assert_eq!(take(&mut one, &events).await.len(), 50);
    assert_eq!(take(&mut two, &events).await.len(), 50);
}

/// Half of them are held without an answer, half refused for longer than this test takes.
pub async fn keys_that_wait_stop_no_other(rig: &Rig) {
    const OWNER: &str = "blocked";
    let mut deliveries = rig.far.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    let blocked: Vec<Arc<Envelope>> = (0..1000)
        .map(|k| event(OWNER, &format!("k{k}"), 1))
        .collect();
    publish(rig.near.as_ref(), &blocked).await;
    let mut held = Vec::new();
    for number in 0..blocked.len() {
        let delivery = next(&mut deliveries).await;
        if number % 2 == 0 {
            held.push(delivery);
        } else {
            delivery.again(Duration::from_secs(120));
        }
    }
    let free: Vec<_> = (1..=500).map(|v| event(OWNER, "free", v)).collect();
    publish(rig.near.as_ref(), &free).await;
    let came = take(&mut deliveries, &free).await;
    let expected: Vec<_> = (1..=500).map(|v| ("free".to_owned(), v)).collect();
    assert_eq!(came, expected);
}
