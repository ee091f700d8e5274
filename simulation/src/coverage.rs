//! Which transitions were seen, as the owners' logs tell: the state before, what happened, the state after.

use std::collections::BTreeMap;

use serde_json::Value;

/// How often each transition was seen.
pub type Coverage = BTreeMap<String, u64>;

/// Every transition of orders, tickets and payments that an event tells of; and that there are the others.
pub const TRANSITIONS: &[&str] = &[
    "order: none, created -> created",
    "order: created, awaiting_payment -> awaiting_payment",
    "order: created, cancelled(ticket_withdrawn) -> cancelled",
    "order: created, cancelled(offer_changed) -> cancelled",
    "order: created, cancelled(buyer) -> cancelled",
    "order: created, cancelled(expired) -> cancelled",
    "order: awaiting_payment, cancelled(buyer) -> cancelled",
    "order: awaiting_payment, cancelled(expired) -> cancelled",
    "order: awaiting_payment, extended -> awaiting_payment",
    "order: awaiting_payment, capturing -> capturing",
    "order: capturing, completed -> complete",
    "order: awaiting_payment, completed -> complete",
    "order: capturing, cancelled(payment_failed) -> cancelled",
    "order: complete, refund_requested -> refunding",
    "order: refunding, refunded -> refunded",
    "order: refunding, refunded -> complete",
    "order: complete, refunded -> refunded",
    "order: complete, refunded -> complete",
    "order: cancelled, payment_rejected -> cancelled",
    "ticket: none, listed -> listed",
    "ticket: listed, updated -> listed",
    "ticket: listed, withdrawn -> withdrawn",
    "ticket: listed, locked -> locked",
    "ticket: listed, lock_refused(offer_changed) -> listed",
    "ticket: withdrawn, lock_refused(withdrawn) -> withdrawn",
    "ticket: locked, locked -> locked",
    "ticket: locked, released -> listed",
    "ticket: locked, sold -> sold",
    "ticket: sold, released -> listed",
    "ticket: sold, withdrawn -> withdrawn",
    "ticket: listed, seated -> listed",
    "payment: none, started -> started",
    "payment: started, authorized -> authorized",
    "payment: started, captured -> captured",
    "payment: started, failed -> failed",
    "payment: started, voided -> voided",
    "payment: authorized, captured -> captured",
    "payment: authorized, failed -> failed",
    "payment: authorized, voided -> voided",
    "payment: captured, refunded -> captured",
    "payment: captured, refunded -> refunded",
    "timer: none, due -> due",
    "user: none, registered -> registered",
    "session: none, revoked -> revoked",
];

/// Adds the transitions of a log to those seen: its envelopes in the order of their positions.
pub fn add(coverage: &mut Coverage, envelopes: &[String]) {
    let mut states: BTreeMap<String, String> = BTreeMap::new();
    for text in envelopes {
        let Ok(envelope) = serde_json::from_str::<Value>(text) else {
            continue;
        };
        let (aggregate, subject) = (
            text_of(&envelope, "/aggregate"),
            text_of(&envelope, "/subject"),
        );
        let kind = text_of(&envelope, "/type");
        let kind = kind.split('.').nth(2).unwrap_or_default().to_owned();
        let reason = text_of(&envelope, "/data/reason");
        let reason = if reason.is_empty() {
            reason
        } else {
            format!("({reason})")
        };
        let status = text_of(&envelope, "/data/state/status");
        let after = if status.is_empty() {
            kind.clone()
        } else {
            status
        };
        let key = format!("{aggregate} {subject}");
        let before = states.insert(key, after.clone());
        let before = before.unwrap_or_else(|| "none".to_owned());
        let name = format!("{aggregate}: {before}, {kind}{reason} -> {after}");
        *coverage.entry(name).or_default() += 1;
    }
}

/// The transitions that were not seen.
#[must_use]
pub fn missing(coverage: &Coverage) -> Vec<&'static str> {
    let unseen = TRANSITIONS
        .iter()
        .filter(|name| !coverage.contains_key(**name));
    unseen.copied().collect()
}

fn text_of(value: &Value, place: &str) -> String {
    let text = value.pointer(place).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}
