//! A full disk: what can't be written is unavailable, nothing half is kept, and it goes on when there is
//! room again.

use platform::db::params;
use platform::{Failure, Tx};

use crate::store::{Store, insert};

/// Lets the file grow by no more than so many pages, or without limit.
async fn room(store: &Store, pages: Option<i64>) {
    let work = async move |tx: &mut Tx| {
        let present: i64 = tx.query_one("pragma page_count", params![]).await?.get(0)?;
        let limit = pages.map_or(1_000_000, |pages| present + pages);
        tx.query(&format!("pragma max_page_count = {limit}"), params![])
            .await
            .map(drop)
    };
    store.db.write(work).await.unwrap();
}

async fn fill(tx: &mut Tx, id: &str) -> platform::Result<()> {
    let long = format!("{id}{}", "x".repeat(20_000));
    insert(tx, &long).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_unavailable_and_later_written() {
    let store = Store::new();
    store.insert("before").await.unwrap();
    room(&store, Some(0)).await;
    let outcome = store
        .db
        .write(async |tx: &mut Tx| fill(tx, "big").await)
        .await;
    assert!(
        matches!(outcome, Err(Failure::Unavailable(_))),
        "{outcome:?}"
    );
    assert_eq!(store.ids().await, ["before"]);
    store.insert("small").await.unwrap();
    room(&store, None).await;
    store
        .db
        .write(async |tx: &mut Tx| fill(tx, "big").await)
        .await
        .unwrap();
    assert_eq!(store.ids().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_on_after_the_database_has_ended_a_transaction() {
    let store = Store::new();
    room(&store, Some(0)).await;
    let work = async |tx: &mut Tx| {
        insert(tx, "first").await?;
        assert!(fill(tx, "big").await.is_err());
        // SQLite has rolled back by itself: this would be committed alone.
        let after = insert(tx, "after").await;
        assert!(matches!(after, Err(Failure::Unavailable(_))), "{after:?}");
        let inside = tx
            .savepoint(async |tx: &mut Tx| insert(tx, "inside").await)
            .await;
        assert!(matches!(inside, Err(Failure::Unavailable(_))), "{inside:?}");
        Ok(())
    };
    let outcome = store.db.write(work).await;
    assert!(
        matches!(outcome, Err(Failure::Unavailable(_))),
        "it must not claim success: {outcome:?}"
    );
    assert_eq!(store.ids().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_that_share_a_commit_none_is_told_a_success_that_is_lost() {
    let store = Store::new();
    room(&store, Some(4)).await;
    let writers = (0..200).map(|number| {
        store.db.write(async move |tx: &mut Tx| {
            let id = format!("{number:03}");
            if number % 20 == 19 {
                fill(tx, &id).await
            } else {
                insert(tx, &id).await
            }
        })
    });
    let outcomes = futures::future::join_all(writers).await;
    let kept = store.ids().await;
    let mut failed = 0;
    for (number, outcome) in outcomes.iter().enumerate() {
        let is_kept = kept
            .iter()
            .any(|id| id.starts_with(&format!("{number:03}")));
        assert_eq!(outcome.is_ok(), is_kept, "{number}: {outcome:?}");
        failed += usize::from(outcome.is_err());
    }
    assert!(failed > 0, "the disk was full");
    room(&store, None).await;
    store.insert("later").await.unwrap();
}
