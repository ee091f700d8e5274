//! Which events become which messages, each once.

use anyhow::Result;
use contracts::events::auth::{User, UserFact};
use contracts::events::orders::{CancelReason, OrderFact, OrderStatus, TicketFate};
use contracts::ids::PaymentId;
use testing::Faults;

use crate::market::Market;

#[tokio::test]
async fn a_sale_is_told_to_buyer_and_seller() -> Result<()> {
    let market = Market::open().await?;
    market.register_both().await?;
    let mut order = market.new_order("The Band");
    let payment_id: PaymentId = market.world.new_id();
    market.say(&order, OrderFact::Created).await?;
    order.status = OrderStatus::AwaitingPayment;
    market.say(&order, OrderFact::AwaitingPayment).await?;
    market.say(&order, OrderFact::Extended).await?;
    order.status = OrderStatus::Capturing;
    market
        .say(&order, OrderFact::Capturing { payment_id })
        .await?;
    order.status = OrderStatus::Complete;
    market
        .say(&order, OrderFact::Completed { payment_id })
        .await?;
    market.say_sold(&order).await?;
    let mails = market.mails(3).await?;
    market.world.settle().await?;
    let told: Vec<_> = mails
        .iter()
        .map(|mail| (mail.to.as_str(), mail.subject.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("buyer@example.org", "Held for you: The Band"),
            ("seller@example.org", "Sold: The Band"),
            ("buyer@example.org", "Your receipt: The Band"),
        ]
    );
    let link = format!("https://tickets.example/orders/{}", order.id);
    assert!(
        mails[0].text.contains(&link) && mails[0].html.contains(&link),
        "{}",
        mails[0].text
    );
    assert!(mails[1].text.contains("$19.99 USD"));
    market.wait_for_state("sent", 3).await?;
    market.end().await
}

#[tokio::test]
async fn other_endings_are_told_too() -> Result<()> {
    let market = Market::open().await?;
    market.register_both().await?;
    let payment_id: PaymentId = market.world.new_id();
    let mut cancelled = market.new_order("A");
    cancelled.status = OrderStatus::Cancelled;
    cancelled.cancel_reason = Some(CancelReason::Expired);
    market
        .say(
            &cancelled,
            OrderFact::Cancelled {
                reason: CancelReason::Expired,
            },
        )
        .await?;
    market
        .say(&cancelled, OrderFact::PaymentRejected { payment_id })
        .await?;
    let mut refunded = market.new_order("B");
    refunded.status = OrderStatus::Refunded;
    refunded.refunded_minor = 1999;
    let fate = TicketFate::Relist;
    market
        .say(
            &refunded,
            OrderFact::Refunded {
                payment_id,
                amount_minor: 1999,
                fate,
            },
        )
        .await?;
    let subjects: Vec<_> = market
        .mails(4)
        .await?
        .into_iter()
        .map(|mail| mail.subject)
        .collect();
    assert_eq!(
        subjects,
        [
            "Money returned: B",
            "Order cancelled: A",
            "Sale refunded: B",
            "Your payment goes back: A"
        ]
    );
    market.end().await
}

#[tokio::test]
async fn each_thing_is_told_once_however_often_it_is_said() -> Result<()> {
    let market = Market::open().await?;
    market.world.bus.set(Faults {
        lost: 10,
        doubled: 40,
        delayed: 30,
        ..Faults::default()
    });
    market.register_both().await?;
    for number in 0..20 {
        let mut order = market.new_order(&format!("Ticket {number:02}"));
        let payment_id: PaymentId = market.world.new_id();
        market.say(&order, OrderFact::Created).await?;
        order.status = OrderStatus::AwaitingPayment;
        market.say(&order, OrderFact::AwaitingPayment).await?;
        order.status = OrderStatus::Complete;
        market
            .say(&order, OrderFact::Completed { payment_id })
            .await?;
        market.say_sold(&order).await?;
    }
    market.world.bus.set(Faults::default());
    // Beats of the watermark, so that lost last events are noticed too.
    let all_sent = async || {
        market
            .world
            .clock
            .advance(std::time::Duration::from_secs(5));
        Ok((market.in_state("sent").await? == 60).then_some(()))
    };
    market.world.until(all_sent).await?;
    market.world.settle().await?;
    assert_eq!(market.mails(60).await?.len(), 60);
    market.end().await
}

#[tokio::test]
async fn a_message_waits_for_the_person_and_for_the_order() -> Result<()> {
    let market = Market::open().await?;
    let mut order = market.new_order("Early");
    order.status = OrderStatus::AwaitingPayment;
    market.say_sold(&order).await?;
    market.say(&order, OrderFact::AwaitingPayment).await?;
    let parked = async || {
        let keys = market.world.gates["notifications"].stuck_keys().await?;
        Ok((keys.len() >= 2).then_some(()))
    };
    market.world.until(parked).await?;
    assert!(market.files.list(10).await?.is_empty());
    market.register_both().await?;
    let subjects: Vec<_> = market
        .mails(2)
        .await?
        .into_iter()
        .map(|mail| mail.subject)
        .collect();
    assert_eq!(subjects, ["Held for you: Early", "Sold: Early"]);
    market.end().await
}

#[tokio::test]
async fn a_message_goes_where_the_person_is_now() -> Result<()> {
    let market = Market::open().await?;
    market.register_both().await?;
    let mut moved = market.buyer.clone();
    moved.email = "elsewhere@example.org".to_owned();
    market
        .auth
        .publish::<User>(&moved.id.to_string(), &UserFact::Changed, &moved)
        .await?;
    let mut gone = market.seller.clone();
    gone.closed = true;
    market
        .auth
        .publish::<User>(&gone.id.to_string(), &UserFact::Closed, &gone)
        .await?;
    let heard = async || {
        let sql = "select count(*) from user_copies where email in ('elsewhere@example.org', '')";
        Ok((market.count(sql).await? == 2).then_some(()))
    };
    market.world.until(heard).await?;
    let mut order = market.new_order("Late");
    order.status = OrderStatus::Complete;
    let payment_id = market.world.new_id();
    market
        .say(&order, OrderFact::Completed { payment_id })
        .await?;
    market.say_sold(&order).await?;
    let handled = async || {
        let sold = market
            .count("select count(*) from cursors where aggregate = 'ticket'")
            .await?;
        Ok((sold == 1).then_some(()))
    };
    market.world.until(handled).await?;
    assert_eq!(market.mails(1).await?[0].to, "elsewhere@example.org");
    let written = market.count("select count(*) from messages").await?;
    assert_eq!(written, 1, "a closed account is not written to");
    market.end().await
}

#[tokio::test]
async fn a_title_that_plays_tricks_stays_a_title() -> Result<()> {
    let market = Market::open().await?;
    market.register_both().await?;
    let mut order =
        market.new_order("<img src=x onerror=alert(1)>\r\nBcc: eve@example.org\u{202e}");
    order.status = OrderStatus::AwaitingPayment;
    market.say(&order, OrderFact::AwaitingPayment).await?;
    let mail = market.mails(1).await?.remove(0);
    assert_eq!(
        mail.subject,
        "Held for you: <img src=x onerror=alert(1)> Bcc: eve@example.org"
    );
    assert!(!mail.html.contains("<img"), "{}", mail.html);
    market.end().await
}
