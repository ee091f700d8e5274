//! What breaks while services run apart, and what people and operators see of it.

mod disk;
mod load;
mod parts;
mod restore;
mod servers;
mod settings;
mod supervisor;
mod upgrade;
mod versions;
mod waiting;

use std::time::Duration;

use e2e::Client;
use http::StatusCode;

/// How long something that goes wrong for a moment may go on doing so.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whoever keeps a copy of tickets.
const CONSUMERS: [&str; 2] = ["orders", "notifications"];

/// Sends a form, as a page does.
async fn submit(person: &mut Client, path: &str, form: &str) -> e2e::Answer {
    let kind = "application/x-www-form-urlencoded";
    person.raw(path, kind, form.into()).await.unwrap()
}

/// What stands on a page that is answered with this status.
async fn page(person: &mut Client, path: &str, status: StatusCode) -> String {
    let answer = person.get(path).await.unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(answer.status, status, "{path}: {text}");
    text
}

/// The page says what is away, and what goes on.
fn says_what_is_away(answer: &e2e::Answer, what: &str) {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    assert!(text.contains(what), "no word of {what}: {text}");
    assert!(answer.headers.contains_key("retry-after"));
}

/// It is a problem document that says when to come again.
fn says_come_again(answer: &e2e::Answer) {
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{:?}",
        answer.body
    );
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(answer.json()["status"], 503);
}

/// Signs somebody in who has signed up; answers a connection of theirs.
async fn sign_in(person: &Client, name: &str) -> Client {
    let mut fresh = person.again().await.unwrap();
    fresh.cookie = None;
    let answer = fresh.sign_in(name).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    fresh
}

/// Everyone who hears tickets has handled this version of one.
async fn all_have_handled(marketplace: &e2e::Marketplace, ticket: &str, version: i64) {
    let wanted = CONSUMERS.map(|name| format!("{name} has handled version {version}"));
    let mut said = String::new();
    let handled = async {
        loop {
            let question = ["events", "show", "ticket", ticket];
            let shown = marketplace.command(&question).await.unwrap();
            said = String::from_utf8(shown.stdout).unwrap();
            if wanted
                .iter()
                .all(|line| said.lines().any(|one| one == line))
            {
                return;
            }
        }
    };
    let handled = tokio::time::timeout(PATIENCE, handled).await;
    assert!(handled.is_ok(), "{wanted:?} is not said, but: {said}");
}

/// Nothing waits behind anything, in any service.
async fn nothing_is_held_up(marketplace: &e2e::Marketplace) {
    for list in ["parked", "blocked"] {
        let output = marketplace.command(&["events", list]).await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && said.trim() == "none",
            "{list}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
