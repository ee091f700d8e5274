//! What every bus must do with questions, announcements and whoever follows.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use platform::bus::Question;

use crate::rig::{AGGREGATE, Rig, event, next, publish, soon, stopwatch};

const LIMIT: Duration = Duration::from_secs(10);

pub async fn a_question_is_answered(rig: &Rig) {
    let mut questions = served(rig, "answering").await;
    let ask = rig
        .near
        .request("answering", Bytes::from_static(b"who?"), LIMIT);
    let answer = async {
        let question = next(&mut questions).await;
        assert_eq!(question.body, "who?");
        question.reply.send(Bytes::from_static(b"me")).unwrap();
    };
    assert_eq!(
        soon(async { tokio::join!(ask, answer) }).await.0.unwrap(),
        "me"
    );
}

/// Answers for a service once whoever asks is heard: of several servers each learns a moment later than the
/// others who answers where, and until then a question fails at once.
async fn served(rig: &Rig, service: &str) -> BoxStream<'static, Question> {
    let mut questions = rig.far.serve(service).await.unwrap();
    let heard = async {
        let question = next(&mut questions).await;
        question.reply.send(Bytes::new()).unwrap();
    };
    let ask = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        loop {
            ticks.tick().await;
            if rig.near.request(service, Bytes::new(), LIMIT).await.is_ok() {
                return;
            }
        }
    };
    soon(async { tokio::join!(ask, heard) }).await;
    questions
}

pub async fn a_large_answer_arrives_whole(rig: &Rig) {
    let mut questions = served(rig, "large").await;
    for size in [0, 1, 512 * 1024, 5_000_000] {
        let body: Bytes = (0..size)
            .map(|at: usize| at.to_le_bytes()[at % 3])
            .collect();
        let ask = rig.near.request("large", Bytes::new(), LIMIT);
        let answer = async { next(&mut questions).await.reply.send(body.clone()).unwrap() };
        let came = soon(async { tokio::join!(ask, answer) }).await.0.unwrap();
        assert!(came == body, "{size} bytes");
    }
}

pub async fn nobody_answers_at_once(rig: &Rig) {
    let asked = stopwatch();
    let answer = rig
        .near
        .request("nobody", Bytes::new(), Duration::from_secs(60));
    assert!(soon(answer).await.is_err());
    assert!(asked() < Duration::from_secs(5));
}

pub async fn a_question_that_is_dropped_fails_at_once(rig: &Rig) {
    let mut questions = served(rig, "dropping").await;
    let asked = stopwatch();
    let ask = rig
        .near
        .request("dropping", Bytes::new(), Duration::from_secs(60));
    let answer = async { drop(next(&mut questions).await) };
    assert!(soon(async { tokio::join!(ask, answer) }).await.0.is_err());
    assert!(asked() < Duration::from_secs(5));
}

pub async fn the_limit_of_a_question_holds(rig: &Rig) {
    let mut questions = served(rig, "slow").await;
    let asked = stopwatch();
    let ask = rig
        .near
        .request("slow", Bytes::new(), Duration::from_millis(200));
    let (answer, held) = soon(async { tokio::join!(ask, next(&mut questions)) }).await;
    assert!(answer.is_err());
    let took = asked();
    assert!(
        took >= Duration::from_millis(200) && took < Duration::from_secs(5),
        "{took:?}"
    );
    drop(held);
}

pub async fn followers_hear_events(rig: &Rig) {
    const OWNER: &str = "followed";
    publish(rig.near.as_ref(), &[event(OWNER, "a", 1)]).await;
    let mut far = rig.far.follow(OWNER, AGGREGATE).await.unwrap();
    let mut near = rig.near.follow(OWNER, AGGREGATE).await.unwrap();
    let both = async { (next(&mut far).await, next(&mut near).await) };
    let ready = until_heard(both, async || {
        publish(rig.near.as_ref(), &[event(OWNER, READY, 1)]).await;
    });
    ready.await;
    let sent = event(OWNER, "a", 2);
    publish(rig.near.as_ref(), std::slice::from_ref(&sent)).await;
    for follower in [far, near] {
        let came = next_but(follower, |event| event.subject == READY).await;
        let json = |event: &contracts::Envelope| serde_json::to_string(event).unwrap();
        assert_eq!(json(&came), json(&sent), "and not what was before");
    }
}

pub async fn listeners_hear_announcements(rig: &Rig) {
    let mut far = rig.far.listen("telling").await.unwrap();
    let mut near = rig.near.listen("telling").await.unwrap();
    let mut other = rig.far.listen("silent").await.unwrap();
    let all = async {
        (
            next(&mut far).await,
            next(&mut near).await,
            next(&mut other).await,
        )
    };
    let ready = until_heard(all, async || {
        for service in ["telling", "silent"] {
            let ready = Bytes::from_static(READY.as_bytes());
            rig.near.announce(service, ready).await.unwrap();
        }
    });
    ready.await;
    let is_ready = |word: &Bytes| *word == READY;
    rig.near
        .announce("telling", Bytes::from_static(b"news"))
        .await
        .unwrap();
    assert_eq!(next_but(far, is_ready).await, "news");
    assert_eq!(next_but(near, is_ready).await, "news");
    rig.near
        .announce("silent", Bytes::from_static(b"own"))
        .await
        .unwrap();
    assert_eq!(next_but(other, is_ready).await, "own");
}

/// What is said until it is heard, and not counted.
const READY: &str = "ready";

/// Says something again and again until it is heard. Of several servers each learns a moment later than the
/// others who listens where, and what nobody is known to listen to is gone.
async fn until_heard<T>(heard: impl Future<Output = T>, say: impl AsyncFn()) -> T {
    let mut heard = std::pin::pin!(heard);
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    loop {
        tokio::select! {
            heard = &mut heard => return heard,
            _ = ticks.tick() => say().await,
        }
    }
}

/// The next that is not left over from before.
async fn next_but<T>(mut stream: BoxStream<'static, T>, is_left: impl Fn(&T) -> bool) -> T {
    loop {
        let came = next(&mut stream).await;
        if !is_left(&came) {
            return came;
        }
    }
}

pub async fn replicas_wake_each_other(rig: &Rig) {
    let mut heard = rig.far.nudges("woken").await.unwrap();
    let ready = until_heard(next(&mut heard), async || {
        rig.near.nudge("woken", READY).await.unwrap();
    });
    ready.await;
    let words = ["relay", "jobs"];
    for word in words {
        rig.near.nudge("woken", word).await.unwrap();
    }
    let heard = heard.filter(|word| std::future::ready(*word != READY));
    let came: Vec<String> = soon(heard.take(words.len()).collect()).await;
    assert_eq!(came, words);
    assert!(rig.near.is_connected() && rig.far.is_connected());
}
