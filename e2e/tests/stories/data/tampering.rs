//! `ticketing check` finds what is wrong: each rule is broken by hand, one at a time.

use std::path::Path;

use e2e::{command, program};
use rusqlite::Connection;

use super::{text, with_a_sale};

/// The database, what is done to it, and the rule that is broken by that.
const BROKEN: [(&str, &str, &str); 12] = [
    // An event is gone from a log.
    (
        "tickets",
        "delete from events where aggregate = 'ticket' and version = 2",
        "I1",
    ),
    // A listing's row says another price than its log.
    (
        "tickets",
        "update tickets set price_minor = price_minor + 1",
        "P1",
    ),
    // A copy is gone, or says something else than its owner.
    ("orders", "delete from ticket_copies", "P1"),
    (
        "payments",
        "update order_copies set amount_minor = amount_minor + 1",
        "P1",
    ),
    ("notifications", "update user_copies set email = 'x'", "P1"),
    // A consumer claims to have handled what nobody has said, or has not handled the last event.
    ("orders", "update cursors set version = version + 1", "P2"),
    ("orders", "update cursors set version = version - 1", "L1"),
    // An order's row says that it is not sold.
    (
        "orders",
        "update orders set status = 'cancelled', cancel_reason = 'buyer'",
        "P1",
    ),
    // The ledger does not sum to zero.
    (
        "payments",
        "update ledger_entries set amount_minor = amount_minor + 1 where amount_minor > 0",
        "M4",
    ),
    // The provider has another amount than we.
    (
        "sandbox",
        "update charges set amount_minor = amount_minor + 1",
        "M1",
    ),
    // Nobody wrote that a ticket is sold; the receipt waits for ever.
    (
        "notifications",
        "delete from messages where template = 'ticket_sold'",
        "N1",
    ),
    (
        "notifications",
        "update messages set state = 'queued' where template = 'order_paid'",
        "L1",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_finds_what_was_tampered_with() {
    let (marketplace, _) = with_a_sale().await;
    let kept = tempfile::tempdir().unwrap();
    for (number, (database, change, rule)) in BROKEN.iter().enumerate() {
        let backup = kept.path().join(number.to_string());
        let target = backup.display().to_string();
        let made = marketplace.command(&["backup", &target]).await.unwrap();
        assert!(made.status.success(), "{}", text(&made));
        assert_eq!(audit(&backup).await, (true, Vec::new()), "before");
        let file = Connection::open(backup.join(format!("{database}.db"))).unwrap();
        let changed = file.execute(change, ()).unwrap();
        assert!(changed > 0, "{change} changes nothing");
        file.close().unwrap();
        let (is_clean, said) = audit(&backup).await;
        let word = format!("violation {rule}: ");
        assert!(
            !is_clean && said.iter().any(|line| line.starts_with(&word)),
            "{database}: {change}: {said:?}"
        );
    }
    marketplace.audit_and_stop().await.unwrap();
}

/// Whether the data are in order, and what is said besides the count.
async fn audit(data: &Path) -> (bool, Vec<String>) {
    let mut check = command(&program().unwrap(), &["check", "--at-rest", "--data-dir"]);
    let output = check.arg(data).output().await.unwrap();
    let said = text(&output);
    let findings = said.lines().filter(|line| !line.starts_with("checked "));
    let findings = findings.map(ToOwned::to_owned).collect();
    (output.status.success(), findings)
}
