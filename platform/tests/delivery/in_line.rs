//! A consumer that is behind, and comes forward, asks for nothing that is on its way to it.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use platform::{Result, Tx};

use crate::stage::{Stage, needs_files};

/// More than are handled in one transaction.
const KEYS: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn i7_what_is_in_line_is_not_asked_for_however_long_it_waits() {
    // Elsewhere nobody can hold a whole database.
    if !needs_files() {
        return;
    }
    let stage = Stage::start().await;
    stage.add("first", 1).await;
    stage.rest().await;
    let asked = stage.world.bus.questions();
    let ids: Vec<String> = (0..KEYS).map(|id| format!("c{id:03}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    while_board_is_held(&stage, async || {
        stage.add_together(&ids, 2).await;
        stage.until_at("archive", ids[KEYS - 1], 2).await;
        // All three announcements of their heads, and what would follow on them.
        for _ in 0..60 {
            stage.world.clock.advance(Duration::from_millis(250));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(stage.cursor("board", ids[0]).await.version, 0);
    })
    .await;
    for id in &ids {
        let handled = async || Ok((stage.cursor("board", id).await.version == 2).then_some(()));
        stage.world.until(handled).await.unwrap();
    }
    assert_eq!(stage.world.bus.questions() - asked, 0);
    stage.end(&ids).await;
}

/// Lets nobody write to board's database meanwhile.
async fn while_board_is_held(stage: &Stage, meanwhile: impl AsyncFnOnce()) {
    let (meeting, db) = (Arc::new(Barrier::new(2)), stage.world.db("board").unwrap());
    let held = Arc::clone(&meeting);
    let hold = async move |_: &mut Tx| -> Result<()> {
        // Within a transaction nothing but its database may be awaited: this stops the thread.
        held.wait();
        held.wait();
        Ok(())
    };
    let meet = async || {
        let meeting = Arc::clone(&meeting);
        let met = tokio::task::spawn_blocking(move || meeting.wait().is_leader());
        met.await.unwrap()
    };
    let story = async {
        meet().await;
        meanwhile().await;
        meet().await;
    };
    let (held, ()) = tokio::join!(db.write(hold), story);
    held.unwrap();
}
