//! Migrations: each runs once, as a whole or not at all, and never backwards.

use platform::db::{Migration, params};
use platform::{Db, Tx};

use crate::rig::{Rig, TABLES, note};

pub const SECOND: Migration = Migration {
    name: "0002_colours",
    sqlite: "alter table notes add column colour text",
};

const EXPANSION: Migration = Migration {
    name: "0002_expand_colours",
    sqlite: "alter table notes add column colour text not null default 'red'",
};

const BROKEN: Migration = Migration {
    name: "0003_broken",
    sqlite: "create table half (id text); select nonsense from nowhere",
};

async fn colours(db: &Db) -> platform::Result<Vec<Option<String>>> {
    let look = async |tx: &mut Tx| {
        let rows = tx.query("select colour from notes", params![]).await?;
        rows.iter().map(|row| row.get(0)).collect()
    };
    db.read(look).await
}

pub async fn a_migration_runs_once_and_keeps_what_is_there(rig: &Rig) {
    rig.db
        .write(async |tx: &mut Tx| note(tx, "old").await)
        .await
        .unwrap();
    for _ in 0..2 {
        let db = rig.open(&[TABLES, SECOND]).await.unwrap();
        assert_eq!(colours(&db).await.unwrap(), [None]);
        db.close();
    }
}

pub async fn a_database_of_a_newer_version_is_refused(rig: &Rig) {
    rig.open(&[TABLES, SECOND]).await.unwrap().close();
    let refused = rig.open(&[TABLES]).await.err().unwrap();
    let message = format!("{refused:#}");
    assert!(
        message.contains("0002_colours") && message.contains("use a newer version"),
        "{message}"
    );
}

pub async fn a_step_that_only_expands_is_passed_over_by_older_versions(rig: &Rig) {
    rig.open(&[TABLES, EXPANSION]).await.unwrap().close();
    let older = rig.open(&[TABLES]).await.unwrap();
    older
        .write(async |tx: &mut Tx| note(tx, "by the older").await)
        .await
        .unwrap();
    older.close();
    // It is there for good: the newer version does not run it again.
    let newer = rig.open(&[TABLES, EXPANSION]).await.unwrap();
    assert_eq!(colours(&newer).await.unwrap(), [Some("red".to_owned())]);
}

pub async fn a_migration_that_fails_leaves_nothing_of_itself(rig: &Rig) {
    let failed = rig.open(&[TABLES, SECOND, BROKEN]).await.err().unwrap();
    assert!(format!("{failed:#}").contains("0003_broken"), "{failed:#}");
    let db = rig.open(&[TABLES, SECOND]).await.unwrap();
    assert_eq!(colours(&db).await.unwrap().len(), 0, "those before it stay");
    let half = async |tx: &mut Tx| tx.query("select * from half", params![]).await;
    db.read(half).await.unwrap_err();
}

pub async fn the_life_of_a_database_stays(rig: &Rig) {
    let life = async |tx: &mut Tx| Ok(tx.incarnation());
    let first = rig.db.write(life).await.unwrap();
    assert_eq!(rig.other.write(life).await.unwrap(), first);
    let again = rig.open(&[TABLES]).await.unwrap();
    assert_eq!(again.write(life).await.unwrap(), first);
    again.begin_new_life().await.unwrap();
    again.close();
    let restored = rig.open(&[TABLES]).await.unwrap();
    assert!(restored.write(life).await.unwrap() > first);
}
