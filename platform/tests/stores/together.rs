//! Statements that may travel as one: rows that are put, queries that are asked at once.

use platform::db::{Row, Value, params};
use platform::{Failure, Refused, Result, Tx};

use crate::rig::{Rig, note};

async fn put(tx: &mut Tx, id: &str, value: Option<i64>) -> Result<()> {
    let sql = "insert into copies (id, value) values ($1, $2) \
               on conflict (id) do update set value = excluded.value";
    tx.put_row_later(1, sql, params![id, value]).await
}

/// A row with a constant, a parameter that stands twice, and one that is not there.
async fn put_kinds(tx: &mut Tx, id: &str, bytes: Option<Vec<u8>>) -> Result<()> {
    let sql = "insert into all_kinds (id, number, words, bytes) values ($1, 7, $1, $2) \
               on conflict (id) do update set number = 7, words = excluded.words, \
               bytes = excluded.bytes";
    tx.put_row_later(1, sql, params![id, bytes]).await
}

async fn copies(tx: &mut Tx) -> Result<Vec<(String, i64)>> {
    let sql = "select id, value from copies order by id";
    let rows = tx.query(sql, params![]).await?;
    rows.iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect()
}

async fn committed(rig: &Rig) -> Vec<(String, i64)> {
    rig.db.read(copies).await.unwrap()
}

fn pairs(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    let owned = expected
        .iter()
        .map(|(id, value)| ((*id).to_owned(), *value));
    owned.collect()
}

pub async fn rows_that_are_put_are_there_in_their_last_state(rig: &Rig) {
    let work = async |tx: &mut Tx| {
        put(tx, "a", Some(1)).await?;
        put_kinds(tx, "k", None).await?;
        put(tx, "b", Some(2)).await?;
        put_kinds(tx, "l", Some(b"\0x".to_vec())).await?;
        put(tx, "a", Some(3)).await?;
        assert_eq!(copies(tx).await?, pairs(&[("a", 3), ("b", 2)]));
        for id in ["c", "b", "c"] {
            put(tx, id, Some(4)).await?;
        }
        put_kinds(tx, "k", Some(Vec::new())).await
    };
    rig.db.write(work).await.unwrap();
    assert_eq!(committed(rig).await, pairs(&[("a", 3), ("b", 4), ("c", 4)]));
    let look = async |tx: &mut Tx| {
        let sql = "select id, number, words, bytes from all_kinds order by id";
        tx.query(sql, params![]).await
    };
    let kinds = rig.db.read(look).await.unwrap();
    let kinds: Vec<&[Value]> = kinds.iter().map(Row::values).collect();
    assert_eq!(
        kinds,
        [
            params!["k", 7, "k", Vec::new()],
            params!["l", 7, "l", b"\0x".to_vec()]
        ]
    );
}

pub async fn what_changes_a_table_between_its_rows_keeps_its_place(rig: &Rig) {
    let work = async |tx: &mut Tx| {
        put(tx, "a", Some(1)).await?;
        put(tx, "b", Some(1)).await?;
        tx.execute_later("update copies set value = value + 10", params![])
            .await?;
        put(tx, "a", Some(2)).await?;
        put(tx, "c", Some(2)).await?;
        tx.execute_later("delete from copies where id = $1", params!["c"])
            .await
    };
    rig.db.write(work).await.unwrap();
    assert_eq!(committed(rig).await, pairs(&[("a", 2), ("b", 11)]));
}

pub async fn a_savepoint_takes_its_rows_back(rig: &Rig) {
    let work = async |tx: &mut Tx| {
        put(tx, "a", Some(1)).await?;
        for read_between in [false, true] {
            let undone: Result<()> = tx
                .savepoint(async |tx: &mut Tx| {
                    put(tx, "a", Some(2)).await?;
                    put(tx, "b", Some(2)).await?;
                    if read_between {
                        assert_eq!(copies(tx).await?, pairs(&[("a", 2), ("b", 2)]));
                    }
                    Err(Refused::conflict("no", "no").into())
                })
                .await;
            assert!(undone.is_err());
        }
        tx.savepoint(async |tx: &mut Tx| put(tx, "c", Some(3)).await)
            .await?;
        put(tx, "d", Some(4)).await
    };
    rig.db.write(work).await.unwrap();
    assert_eq!(committed(rig).await, pairs(&[("a", 1), ("c", 3), ("d", 4)]));
}

pub async fn a_row_that_cannot_be_written_fails_its_transaction(rig: &Rig) {
    for wrong_at in 0..3 {
        let work = async move |tx: &mut Tx| {
            note(tx, "before").await?;
            for place in 0..3 {
                let value = (place != wrong_at).then_some(place);
                put(tx, &place.to_string(), value).await?;
            }
            Ok(())
        };
        let outcome = rig.db.write(work).await;
        assert!(matches!(outcome, Err(Failure::Broken(_))), "{outcome:?}");
    }
    assert!(committed(rig).await.is_empty());
    assert!(rig.notes().await.is_empty());
}

pub async fn queries_that_are_asked_at_once_are_answered_in_their_order(rig: &Rig) {
    let work = async |tx: &mut Tx| {
        for (id, value) in [("a", 1), ("b", 2), ("c", 2)] {
            put(tx, id, Some(value)).await?;
        }
        let (by_id, by_value) = (
            "select id, value from copies where id = $1",
            "select id from copies where value = $1 order by id desc limit $2",
        );
        let id = |id: &str| (by_id, params![id].to_vec());
        let value = |value: i64, most: i64| (by_value, params![value, most].to_vec());
        let count = ("select count(*) from copies", Vec::new());
        let queries = [
            count.clone(),
            id("b"),
            id("nobody"),
            id("a"),
            id("b"),
            value(2, 5),
            value(3, 5),
            value(2, 1),
            count.clone(),
            count,
        ];
        tx.query_all(&queries).await
    };
    let answers = rig.db.write(work).await.unwrap();
    let told = |rows: &Vec<Row>| {
        let rows = rows.iter().map(|row| format!("{:?}", row.values()));
        rows.collect::<Vec<_>>().join(" ")
    };
    let answers: Vec<String> = answers.iter().map(told).collect();
    let a = r#"[Text("a"), Int(1)]"#;
    let b = r#"[Text("b"), Int(2)]"#;
    let by_value = r#"[Text("c")] [Text("b")]"#;
    let (count, first) = ("[Int(3)]", r#"[Text("c")]"#);
    let expected = [count, b, "", a, b, by_value, "", first, count, count];
    assert_eq!(answers, expected);
}
