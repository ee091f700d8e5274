//! A simulated disk: what was synced stays when the power is lost, what was not goes, whole transactions
//! only; trouble is unavailable and passes.

use std::sync::Arc;
use std::time::Duration;

use platform::db::memory::{Disk, Trouble};
use platform::db::{Durability, Wakers, params};
use platform::tasks::Tasks;
use platform::trace::Origin;
use platform::{Db, Failure, Tx};

use crate::store::{FIRST, insert, surroundings};

fn open(disk: &Disk) -> Db {
    let at = (&Tasks::default(), Arc::new(|| Duration::ZERO) as _);
    Db::open_on(disk, &[FIRST], surroundings(&Wakers::default()), at).unwrap()
}

async fn write(db: &Db, durability: Durability, id: &'static str) -> platform::Result<()> {
    let work = async move |tx: &mut Tx| insert(tx, id).await;
    db.run(durability, Origin::default(), work).await
}

fn ids(disk: &Disk) -> Vec<String> {
    disk.ask("select id from notes order by id").unwrap()
}

#[tokio::test]
async fn what_was_synced_stays_and_the_rest_goes() {
    let disk = Disk::new().unwrap();
    let db = open(&disk);
    write(&db, Durability::Relaxed, "a").await.unwrap();
    write(&db, Durability::Synced, "b").await.unwrap();
    write(&db, Durability::Relaxed, "c").await.unwrap();
    assert_eq!(ids(&disk), ["a", "b", "c"], "a crash loses nothing");
    disk.lose_power().unwrap();
    assert_eq!(ids(&disk), ["a", "b"], "a sync covers what came before it");
    let db = open(&disk);
    assert!(!db.ended_uncleanly(), "nobody had begun to use it");
    write(&db, Durability::Synced, "d").await.unwrap();
    assert_eq!(ids(&disk), ["a", "b", "d"]);
}

#[tokio::test]
async fn a_failing_disk_keeps_nothing_of_what_it_refused() {
    let disk = Disk::new().unwrap();
    let db = open(&disk);
    write(&db, Durability::Relaxed, "before").await.unwrap();
    disk.set(Trouble::Failing).unwrap();
    for durability in [Durability::Relaxed, Durability::Synced] {
        let refused = write(&db, durability, "refused").await;
        assert!(
            matches!(refused, Err(Failure::Unavailable(_))),
            "{refused:?}"
        );
    }
    let seen = db.read(async |tx: &mut Tx| tx.query("select id from notes", params![]).await);
    assert_eq!(seen.await.unwrap().len(), 1, "it can still be read");
    disk.set(Trouble::None).unwrap();
    write(&db, Durability::Synced, "after").await.unwrap();
    assert_eq!(ids(&disk), ["after", "before"]);
}

#[tokio::test]
async fn a_full_disk_takes_no_more_until_there_is_room() {
    let disk = Disk::new().unwrap();
    let db = open(&disk);
    write(&db, Durability::Relaxed, "before").await.unwrap();
    disk.set(Trouble::Full).unwrap();
    let work = async |tx: &mut Tx| insert(tx, &"x".repeat(20_000)).await;
    let refused = db.write(work).await;
    assert!(
        matches!(refused, Err(Failure::Unavailable(_))),
        "{refused:?}"
    );
    disk.lose_power().unwrap();
    assert_eq!(ids(&disk), ["before"], "what was there was synced before");
    disk.set(Trouble::None).unwrap();
    db.write(async |tx: &mut Tx| insert(tx, &"x".repeat(20_000)).await)
        .await
        .unwrap();
    assert_eq!(ids(&disk).len(), 2);
}

#[tokio::test]
async fn a_backup_is_another_disk_and_its_next_life_is_later() {
    let disk = Disk::new().unwrap();
    let db = open(&disk);
    write(&db, Durability::Relaxed, "before").await.unwrap();
    let backup = disk.copy().unwrap();
    write(&db, Durability::Synced, "after").await.unwrap();
    disk.put_back(&backup).unwrap();
    assert_eq!(ids(&disk), ["before"]);
    let life = || {
        disk.ask("select value || '' from meta where name = 'incarnation'")
            .unwrap()
    };
    let first: i64 = life()[0].parse().unwrap();
    // The clock of whoever puts it back is behind.
    disk.begin_new_life(contracts::Timestamp::UNIX_EPOCH)
        .unwrap();
    assert_eq!(life(), [(first + 1).to_string()]);
}
