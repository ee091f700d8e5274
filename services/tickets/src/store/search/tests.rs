//! Each way to read a search, against titles that are looked through one by one.

use std::sync::Arc;

use contracts::money::{Currency, Money};
use platform::clock::SystemClock;
use platform::db::{Surroundings, Wakers};
use platform::random::SystemRandom;
use platform::{Db, params};
use tempfile::TempDir;

use super::*;
use crate::commands;
use crate::domain::{Offer, Title};

/// More than [`FEW`], so that words which all titles have are read along an index.
const TICKETS: i64 = 1_200;

fn title(number: i64) -> String {
    let fewer = if number % 7 == 0 { " gala" } else { "" };
    format!("Show kind{} numbered{number}{fewer}", number % 3)
}

async fn filled() -> (TempDir, Db) {
    let directory = tempfile::tempdir().unwrap();
    let surroundings = Surroundings {
        clock: Arc::new(SystemClock::new()),
        random: Arc::new(SystemRandom),
        wakers: Wakers::default(),
    };
    let path = directory.path().join("tickets.db");
    let db = Db::open_sqlite(&path, "tickets", crate::MIGRATIONS, surroundings).unwrap();
    db.write(async |tx: &mut Tx| {
        for number in 0..TICKETS {
            let title = Title::parse(&title(number), 200).unwrap();
            let price = Money {
                minor: 1,
                currency: Currency::USD,
            };
            commands::list::list(tx, tx.new_id(), Offer { title, price }).await?;
        }
        // Two of each kind are held: they stay in the index of words and are not on sale.
        tx.execute(
            "update tickets set status = 'locked', order_id = 'held' where title in ($1, $2)",
            params![title(3), title(7)],
        )
        .await
    })
    .await
    .unwrap();
    (directory, db)
}

async fn found(db: &Db, text: &'static str, limit: i64) -> Vec<String> {
    let mut titles = Vec::new();
    let mut after = None;
    loop {
        let read = async move |tx: &mut Tx| search(tx, &Term::of(text), after, limit).await;
        let page = db.read(read).await.unwrap();
        titles.extend(
            page.tickets
                .iter()
                .map(|t| t.offer.title.as_str().to_owned()),
        );
        after = page.next;
        if after.is_none() {
            return titles;
        }
    }
}

#[tokio::test]
async fn every_way_finds_the_same_as_looking_through_all_titles() {
    let (_directory, db) = filled().await;
    let all = db.read(async |tx: &mut Tx| super::super::listings::listed(tx, None, TICKETS).await);
    let all = all.await.unwrap().tickets;
    assert_eq!(all.len(), 1_198);
    for (way, text, limit) in [
        ("sorted", "gala", 50),
        ("sorted", "gala show", 7),
        ("sorted", "numbered11", 5),
        ("sorted", "kind1 gala numbered7", 5),
        ("one word merged", "show", 100),
        ("three words merged", "kind", 200),
        ("scanned", "numbered", 150),
        ("scanned", "numbered kin sho", 150),
        ("nothing", "kind1 opera", 5),
        ("nothing", "nothing", 5),
    ] {
        let wanted = |title: &str| {
            let words: Vec<String> = title.to_lowercase().split(' ').map(str::to_owned).collect();
            text.split(' ')
                .all(|term| words.iter().any(|word| word.starts_with(term)))
        };
        let expected: Vec<_> = all
            .iter()
            .map(|ticket| ticket.offer.title.as_str())
            .filter(|title| wanted(title))
            .collect();
        assert_eq!(found(&db, text, limit).await, expected, "{way}: {text}");
    }
}
