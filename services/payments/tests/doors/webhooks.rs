//! What the provider tells by itself: signed, looked up, and never believed.

use std::time::Duration;

use axum::body::Body;
use contracts::Timestamp;
use contracts::events::orders::{OrderFact, OrderState, OrderStatus};
use contracts::events::payments::PaymentFact;
use contracts::ids::PaymentId;
use http::Request;
use payments::domain::charge::{Charge, Standing};
use payments::provider::notice::Notice;
use payments::provider::sandbox::behaviour::Behaviour;
use payments::provider::sandbox::notices::DOOR;
use payments::provider::signature::{SIGNATURE, Secret, sign};
use payments::store;
use platform::{Clock, Tx};
use testing::Answered;

use crate::desk::{Desk, id_in, secret};

/// Somebody sends this, whoever it is.
async fn post(desk: &Desk, body: &str, signature: Option<&str>) -> Answered {
    let mut request = Request::post(DOOR);
    if let Some(signature) = signature {
        request = request.header(SIGNATURE, signature);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    desk.world.send(request).await.unwrap()
}

/// The provider sends this.
async fn tell(desk: &Desk, body: &str) -> Answered {
    let signature = sign(&[secret()], body.as_bytes(), desk.world.now());
    post(desk, body, Some(&signature)).await
}

fn notice(charge: &Charge) -> String {
    let notice = Notice::of("evt_1".to_owned(), charge).unwrap();
    serde_json::to_string(&notice).unwrap()
}

/// A payment that waits for its customer, and its charge.
async fn confirming(desk: &mut Desk) -> (PaymentId, String, Charge) {
    let order = desk.order().await;
    let view = desk.pay(&order, "tok_threeDSecureRequired").await.json();
    let url = view["actionUrl"].as_str().unwrap().to_owned();
    let charge = desk.charges().await.remove(0);
    (id_in(&view), url, charge)
}

/// Lets time pass until the provider is asked about the payment twice a minute only.
async fn until_seldom_looked_at(desk: &Desk, id: PaymentId) {
    let look = async || {
        desk.advance(Duration::from_secs(31));
        let read = async move |tx: &mut Tx| store::work::find(tx, id).await;
        let work = desk.db().read(read).await?;
        Ok(work.filter(|work| work.attempts > 8).map(drop))
    };
    desk.world.until(look).await.unwrap();
}

async fn until_told(desk: &Desk) {
    let look = async || Ok((desk.sandbox.untold().await? == 0).then_some(()));
    desk.world.until(look).await.unwrap();
}

async fn hints(desk: &Desk) -> i64 {
    let db = desk.db();
    let counted = db.read(async |tx: &mut Tx| store::hints::count(tx).await);
    counted.await.unwrap()
}

async fn until_looked_up(desk: &Desk) {
    let look = async || Ok((hints(desk).await == 0).then_some(()));
    desk.world.until(look).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_confirms_and_never_comes_back_has_paid_within_moments() {
    let mut desk = Desk::open_told().await;
    let order = desk.order().await;
    let view = desk.pay(&order, "tok_threeDSecureRequired").await.json();
    let (id, url) = (id_in(&view), view["actionUrl"].as_str().unwrap());
    until_seldom_looked_at(&desk, id).await;
    let began = desk.world.clock.elapsed();
    assert_eq!(desk.answer(url, "approve").await.status, 303);
    desk.heard(id, &PaymentFact::Authorized).await;
    let took = desk.world.clock.elapsed() - began;
    assert!(took < Duration::from_secs(15), "{took:?}");
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_provider_has_signed_is_heard() {
    let mut desk = Desk::open_told().await;
    let (id, _, charge) = confirming(&mut desk).await;
    let body = notice(&Charge {
        standing: Standing::Captured,
        ..charge
    });
    let now = desk.world.now();
    let signed = |secret: Secret, body: &str, at: Timestamp| sign(&[secret], body.as_bytes(), at);
    let stranger: Secret = format!("whsec_{}", "x".repeat(40)).parse().unwrap();
    let long_ago = now.checked_sub(Duration::from_secs(301)).unwrap();
    for (signature, code) in [
        (None, "unsigned_notice"),
        (Some("nonsense".to_owned()), "unsigned_notice"),
        (Some(signed(stranger, &body, now)), "wrong_signature"),
        (Some(signed(secret(), "{}", now)), "wrong_signature"),
        (Some(signed(secret(), &body, long_ago)), "untimely_notice"),
    ] {
        let answered = post(&desk, &body, signature.as_deref()).await;
        assert_eq!((answered.status.as_u16(), &*answered.code()), (400, code));
    }
    let large = "x".repeat(65 * 1024);
    assert_eq!(tell(&desk, &large).await.status, 413);
    assert_eq!(hints(&desk).await, 0);
    assert_eq!(desk.kinds(id), ["started"]);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_notice_says_is_looked_up_and_not_believed() {
    let mut desk = Desk::open_told().await;
    let (id, url, charge) = confirming(&mut desk).await;
    for standing in [
        Standing::Captured,
        Standing::Voided,
        Standing::Authorized,
        Standing::Declined {
            code: "lost_card".to_owned(),
        },
    ] {
        let untrue = Charge {
            standing,
            ..charge.clone()
        };
        assert_eq!(tell(&desk, &notice(&untrue)).await.status, 202);
        until_looked_up(&desk).await;
    }
    let mut dear = charge.clone();
    dear.amount.minor += 1;
    assert_eq!(tell(&desk, &notice(&dear)).await.status, 202);
    until_looked_up(&desk).await;
    assert_eq!(desk.kinds(id), ["started"]);
    desk.answer(&url, "decline").await;
    let code = "authentication_required".to_owned();
    desk.heard(id, &PaymentFact::Failed { code }).await;
    until_told(&desk).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_and_doubled_notices_are_no_news() {
    let mut desk = Desk::open_told().await;
    let (order, id) = paid(&mut desk).await;
    until_told(&desk).await;
    let captured = desk.charges().await.remove(0);
    let authorized = Charge {
        standing: Standing::Authorized,
        ..captured.clone()
    };
    for charge in [&captured, &authorized, &captured] {
        assert_eq!(tell(&desk, &notice(charge)).await.status, 200);
    }
    let fact = OrderFact::Completed { payment_id: id };
    desk.say(fact, &order, OrderStatus::Complete).await;
    assert_eq!(desk.kinds(id), ["started", "authorized", "captured"]);
    desk.close().await;
}

/// A payment that is captured.
async fn paid(desk: &mut Desk) -> (OrderState, PaymentId) {
    let order = desk.order().await;
    let payment_id = desk.authorized(&order).await;
    let fact = OrderFact::Capturing { payment_id };
    let order = desk.say(fact, &order, OrderStatus::Capturing).await;
    desk.heard(payment_id, &PaymentFact::Captured).await;
    (order, payment_id)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_about_nothing_of_ours_is_passed_over() {
    let mut desk = Desk::open_told().await;
    let (_, url, charge) = confirming(&mut desk).await;
    let strange = Charge {
        key: "nobody:authorize".to_owned(),
        ..charge
    };
    let other = r#"{"id": "evt_2", "type": "payout.paid", "data": 7}"#;
    for body in [&*notice(&strange), other] {
        assert_eq!(tell(&desk, body).await.status, 200, "{body}");
    }
    let halved = r#"{"id": "evt_3", "type": "charge.captured", "data": {}}"#;
    for body in ["", "{}", halved] {
        let answered = tell(&desk, body).await;
        assert_eq!(answered.status, 400, "{body}");
        assert_eq!(answered.code(), "invalid_notice", "{body}");
    }
    desk.confirm(&url, "decline").await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_the_provider_gives_back_by_itself_is_noticed() {
    let mut desk = Desk::open_told().await;
    let (_, id) = desk.complete().await;
    assert_eq!(desk.give_back(700, "by hand").await, 1300);
    let amount_minor = 700;
    desk.heard(id, &PaymentFact::Refunded { amount_minor })
        .await;
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_looked_up_now_is_looked_up_later() {
    let mut desk = Desk::open_told().await;
    let (id, url, charge) = confirming(&mut desk).await;
    desk.behave(Behaviour {
        unavailable: true,
        ..Behaviour::default()
    });
    desk.answer(&url, "approve").await;
    let said = Charge {
        standing: Standing::Authorized,
        ..charge
    };
    assert_eq!(tell(&desk, &notice(&said)).await.status, 202);
    until_told(&desk).await;
    let desk = desk.crash().await;
    assert_eq!(desk.kinds(id), [""; 0], "nothing is published again");
    desk.behave(Behaviour::default());
    desk.advance(Duration::from_secs(80));
    // What has just begun may have missed that, and waits for some seconds more. Not faster: a second
    // is what a lease is renewed in.
    let heard = desk.heard(id, &PaymentFact::Authorized);
    desk.in_time(Duration::from_secs(1), heard).await;
    until_looked_up(&desk).await;
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_tells_again_until_it_is_heard_whatever_crashes() {
    let mut desk = Desk::open_told().await;
    desk.settings.webhook_secrets = vec![format!("whsec_{}", "n".repeat(40)).parse().unwrap()];
    let mut desk = desk.crash().await;
    let order = desk.order().await;
    let id = desk.authorized(&order).await;
    let refused = async || {
        desk.advance(Duration::from_secs(1));
        let attempts = desk.sandbox_db.read(async |tx: &mut Tx| {
            let row = tx.query_one("select max(attempts) from notices", &[]);
            row.await?.get::<Option<i64>>(0)
        });
        Ok(attempts.await?.filter(|attempts| *attempts > 2))
    };
    desk.world.until(refused).await.unwrap();
    assert_eq!(desk.sandbox.untold().await.unwrap(), 1);
    desk.settings.webhook_secrets.push(secret());
    let desk = desk.crash().await;
    desk.advance(Duration::from_secs(60));
    until_told(&desk).await;
    assert_eq!(desk.charges().await[0].standing, Standing::Authorized);
    assert!(desk.findings().await.is_empty(), "{id}");
    desk.world.end().await.unwrap();
}
