//! The page that shows mail where no server is set.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use contracts::events::orders::{OrderFact, OrderStatus};
use http::header;
use notifications::Settings;
use platform::mail::{Mailer, Message};
use testing::{Answered, World};

use crate::market::Market;

fn is_guarded(answer: &Answered) -> bool {
    let header = |name| {
        answer
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let policy = header(header::CONTENT_SECURITY_POLICY);
    policy.starts_with("default-src 'none';")
        && !policy.contains("unsafe")
        && !policy.contains('*')
        && header(header::X_CONTENT_TYPE_OPTIONS) == "nosniff"
        && header(header::CONTENT_TYPE) == "text/html; charset=utf-8"
        && header(header::CACHE_CONTROL) == "no-store"
}

#[tokio::test]
async fn mail_is_listed_and_its_links_lead_on() -> Result<()> {
    let market = Market::open().await?;
    let empty = market.world.call("GET", "/dev/mail", None, None).await?;
    assert!(
        empty.status == 200 && is_guarded(&empty) && empty.body.contains("Nothing yet"),
        "{}",
        empty.body
    );
    market.register_both().await?;
    let mut order = market.new_order("<script>alert(1)</script>");
    order.status = OrderStatus::AwaitingPayment;
    market.say(&order, OrderFact::AwaitingPayment).await?;
    market.mails(1).await?;

    let list = market.world.call("GET", "/dev/mail", None, None).await?;
    assert!(list.status == 200 && is_guarded(&list));
    assert!(!list.body.contains("<script"), "{}", list.body);
    let (_, link) = list.body.split_once("<li><a href=\"").context("a link")?;
    let (path, words) = link.split_once("\">").context("a link")?;
    let (words, _) = words.split_once("</a>").context("the link's end")?;
    assert!(words.contains("buyer@example.org"), "{words}");

    let mail = market.world.call("GET", path, None, None).await?;
    assert!(mail.status == 200 && is_guarded(&mail));
    let address = format!("https://tickets.example/orders/{}", order.id);
    assert!(
        mail.body
            .contains(&format!("<a href=\"{address}\">{address}</a>")),
        "{}",
        mail.body
    );
    assert!(mail.body.contains("buyer@example.org") && !mail.body.contains("<script"));
    market.end().await
}

#[tokio::test]
async fn what_a_message_says_can_not_break_the_page() -> Result<()> {
    let market = Market::open().await?;
    let tricks = "https://a.example/\"onmouseover=\"alert(1) javascript:alert(2) <https://b.example/?a=1&b=2>";
    let message = Message {
        to: "ada@example.org".to_owned(),
        subject: "\"><img src=x>".to_owned(),
        text: tricks.to_owned(),
        html: String::new(),
        message_id: "tricks".to_owned(),
    };
    market.files.send(&message).await?;
    let id = market.mails(1).await?.remove(0).id;
    let page = market
        .world
        .call("GET", &format!("/dev/mail/{id}"), None, None)
        .await?;
    assert!(
        !page.body.contains("<img") && !page.body.contains("href=\"javascript"),
        "{}",
        page.body
    );
    assert!(
        page.body.contains("<a href=\"https://a.example/\">"),
        "{}",
        page.body
    );
    assert!(
        page.body
            .contains("<a href=\"https://b.example/?a=1&#38;b=2\">"),
        "{}",
        page.body
    );
    market.end().await
}

#[tokio::test]
async fn there_is_nothing_else_to_see() -> Result<()> {
    let market = Market::open().await?;
    for path in [
        "/dev/mail/abcdef",
        "/dev/mail/..%2fsecret",
        "/dev/mail/nonsense",
    ] {
        assert_eq!(
            market.world.call("GET", path, None, None).await?.status,
            404,
            "{path}"
        );
    }
    let style = market
        .world
        .call("GET", "/dev/mail/style.css", None, None)
        .await?;
    assert_eq!(
        style.headers[header::CONTENT_TYPE],
        "text/css; charset=utf-8"
    );
    let files: Arc<dyn Mailer> = market.files.clone();
    market.end().await?;

    let settings = Settings {
        mailer: files,
        public_url: String::new(),
        dev_mail: None,
    };
    let world = World::start(vec![notifications::service(settings)]).await?;
    assert_eq!(
        world.call("GET", "/dev/mail", None, None).await?.status,
        404,
        "where a server is set"
    );
    world.end().await
}
