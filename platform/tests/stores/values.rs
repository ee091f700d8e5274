//! What goes in comes out, bound by number, compared byte by byte.

use platform::db::{ToValue, Value, params};
use platform::{Failure, Tx};

use crate::rig::{Rig, note};

pub async fn parameters_are_bound_by_number_and_not_by_appearance(rig: &Rig) {
    let look = async |tx: &mut Tx| {
        let sql = "select $2 || '-' || $1 || '-' || $3 || '-' || $2 || '-' || $12 || \
                   $4 || $5 || $6 || $7 || $8 || $9 || $10 || $11";
        let params: Vec<Value> = ["1", "2", "3", "", "", "", "", "", "", "", "", "12"]
            .iter()
            .map(|text| text.to_value())
            .collect();
        tx.query_one(sql, &params).await?.get::<String>(0)
    };
    assert_eq!(rig.db.read(look).await.unwrap(), "2-1-3-2-12");
    let work = async |tx: &mut Tx| {
        let sql = "insert into notes (number, id) values ($2, $1)";
        tx.execute(sql, params!["swapped", 7]).await?;
        let sql = "update notes set number = $3 where number = $2 and id = $1";
        tx.execute(sql, params!["swapped", 7, 8]).await
    };
    assert_eq!(rig.db.write(work).await.unwrap(), 1);
    assert_eq!(rig.number("select number from notes").await, 8);
}

pub async fn what_goes_in_comes_out(rig: &Rig) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let long = "ä🎟".repeat(50_000);
    let rows: Vec<[Value; 3]> = vec![
        [Value::Null, Value::Null, Value::Null],
        [i64::MIN.to_value(), "".to_value(), Value::Bytes(vec![])],
        [
            i64::MAX.to_value(),
            "🎟️ 'a' \\ \"b\" %_\n\t$1".to_value(),
            Value::Bytes(every_byte),
        ],
        [
            0i64.to_value(),
            long.to_value(),
            Value::Bytes(vec![0; 100_000]),
        ],
        [
            (-1i64).to_value(),
            "\u{10ffff}\u{1}".to_value(),
            Value::Bytes(vec![0]),
        ],
        [true.to_value(), " ".to_value(), Value::Null],
    ];
    for (number, row) in rows.iter().enumerate() {
        let (id, given) = (number.to_string(), row.clone());
        let work = async move |tx: &mut Tx| {
            let [number, words, bytes] = given.clone();
            let sql = "insert into all_kinds (id, number, words, bytes) values ($1, $2, $3, $4) \
                       returning number, words, bytes";
            let params = [id.to_value(), number, words, bytes];
            let returned = tx.query_one(sql, &params).await?;
            let sql = "select number, words, bytes from all_kinds where id = $1";
            let read = tx.query_one(sql, params![id]).await?;
            Ok((returned.values().to_vec(), read.values().to_vec()))
        };
        let (returned, read) = rig.db.write(work).await.unwrap();
        assert!(returned == row.to_vec(), "row {number} as it was returned");
        assert!(read == row.to_vec(), "row {number} as it was read");
    }
    // Nothing and the empty text are two things.
    let nulls = "select count(*) from all_kinds where words is null";
    assert_eq!(rig.number(nulls).await, 1);
}

pub async fn texts_are_compared_byte_by_byte(rig: &Rig) {
    let mut ids = [
        "b", "B", "a-c", "ab", "a b", "é", "Z", "z", "ä", "", "🎟", "1", "10", "2",
    ];
    let work = async move |tx: &mut Tx| {
        for id in ids {
            note(tx, id).await?;
        }
        Ok(())
    };
    rig.db.write(work).await.unwrap();
    ids.sort_unstable();
    assert_eq!(rig.notes().await, ids);
    assert_eq!(
        rig.texts("select id from notes where id > 'a' order by id")
            .await,
        ids[6..]
    );
}

pub async fn a_wrong_statement_is_our_fault_and_a_missing_row_too(rig: &Rig) {
    for sql in [
        "select nonsense",
        "select id from notes where id = 'none'",
        "selec",
    ] {
        let work = async move |tx: &mut Tx| tx.query_one(sql, params![]).await;
        let outcome = rig.db.read(work).await;
        assert!(
            matches!(outcome, Err(Failure::Broken(_))),
            "{sql}: {outcome:?}"
        );
    }
    for expected in [true, false] {
        let outcome = rig
            .db
            .write(async |tx: &mut Tx| note(tx, "twice").await)
            .await;
        assert_eq!(outcome.is_ok(), expected);
        assert!(
            expected || matches!(outcome, Err(Failure::Broken(_))),
            "{outcome:?}"
        );
    }
    assert_eq!(rig.notes().await, ["twice"]);
}
