//! What an owner has is what its own log says: an audit finds every row that isn't.

use platform::Tx;
use platform::db::{Value, params};

use crate::stage::Stage;

impl Stage {
    /// Runs a statement on the owner's database, as no command does.
    async fn spoil(&self, sql: &'static str, params: &'static [&'static str]) {
        let work = async move |tx: &mut Tx| {
            let params: Vec<Value> = params
                .iter()
                .map(|p| Value::Text((*p).to_owned()))
                .collect();
            tx.execute(sql, &params).await
        };
        let changed = self.world.db("counters").unwrap().write(work).await;
        assert_eq!(changed.unwrap(), 1, "{sql}");
    }

    async fn owner_differences(&self) -> Vec<String> {
        self.gate("counters").owner_differences().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_without_an_event_is_found() {
    let stage = Stage::start().await;
    stage.add_times("a", 2).await;
    stage.add("b", 7).await;
    assert_eq!(stage.owner_differences().await, Vec::<String>::new());

    let change = "update counters set value = value + 1 where id = $1";
    stage.spoil(change, &["a"]).await;
    let found = stage.owner_differences().await;
    let told = "counter a: the row is not what version 2, the last of its log, says";
    assert_eq!(found, [told]);
    let undo = "update counters set value = value - 1 where id = $1";
    stage.spoil(undo, &["a"]).await;

    let ahead = "update counters set version = version + 1 where id = $1";
    stage.spoil(ahead, &["b"]).await;
    let found = stage.owner_differences().await;
    assert_eq!(
        found,
        ["counter b: the row is at version 2, its log ends at 1"]
    );
    let undo = "update counters set version = version - 1 where id = $1";
    stage.spoil(undo, &["b"]).await;
    stage.end(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_a_log_and_a_log_without_a_row_are_found() {
    let stage = Stage::start().await;
    stage.add("a", 1).await;
    let rename = "update counters set id = $2 where id = $1";
    stage.spoil(rename, &["a", "b"]).await;
    assert_eq!(
        stage.owner_differences().await,
        [
            "counter b: a row, and no event in its log",
            "counter a: no row, its log ends at 1"
        ]
    );
    stage.spoil(rename, &["b", "a"]).await;
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_rows_is_compared() {
    let stage = Stage::start().await;
    let ids: Vec<String> = (0..703).map(|number| format!("{number:04}")).collect();
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    stage.add_together(&names, 1).await;
    assert_eq!(stage.owner_differences().await, Vec::<String>::new());
    // Both sides end their pages at different ids.
    stage
        .spoil("delete from counters where id = $1", &["0003"])
        .await;
    stage
        .spoil("delete from counters where id = $1", &["0702"])
        .await;
    let change = "update counters set value = 0 where id = $1";
    stage.spoil(change, &["0500"]).await;
    stage.spoil(change, &["0600"]).await;
    let found = stage.owner_differences().await;
    assert_eq!(
        found,
        [
            "counter 0003: no row, its log ends at 1",
            "counter 0500: the row is not what version 1, the last of its log, says",
            "counter 0600: the row is not what version 1, the last of its log, says",
            "counter 0702: no row, its log ends at 1",
        ]
    );
    let mend = async |tx: &mut Tx| {
        let put = "insert into counters (id, value, version) values ($1, 1, 1)";
        tx.execute(put, params!["0003"]).await?;
        tx.execute(put, params!["0702"]).await?;
        tx.execute("update counters set value = 1", &[]).await
    };
    let db = stage.world.db("counters").unwrap();
    assert_eq!(db.write(mend).await.unwrap(), 703);
    stage.end(&["0003", "0500", "0702"]).await;
}
