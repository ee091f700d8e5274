//! What goes in comes out: parameters by number, values of every kind.

use platform::db::{FromValue, ToValue, Value, params};
use platform::{Failure, Tx};
use proptest::prelude::*;

use crate::store::Store;

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_bound_by_number_and_not_by_appearance() {
    let store = Store::new();
    let look = async |tx: &mut Tx| {
        let sql = "select $2 || '-' || $1 || '-' || $3 || '-' || $2 || '-' || $12";
        let row = tx
            .query_one(
                sql,
                params![
                    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"
                ],
            )
            .await?;
        row.get::<String>(0)
    };
    assert_eq!(store.db.read(look).await.unwrap(), "2-1-3-2-12");
    let beyond = async |tx: &mut Tx| {
        let values: Vec<Value> = (1..=14i64).map(|number| number.to_value()).collect();
        tx.query_one("select $14, $13, $1", &values).await
    };
    let row = store.db.read(beyond).await.unwrap();
    assert_eq!(
        row.values(),
        [Value::Int(14), Value::Int(13), Value::Int(1)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_statement_is_our_fault_and_a_missing_row_too() {
    let store = Store::new();
    for sql in ["select nonsense", "select id from notes where id = 'none'"] {
        let outcome = store
            .db
            .read(async move |tx: &mut Tx| tx.query_one(sql, params![]).await)
            .await;
        assert!(
            matches!(outcome, Err(Failure::Broken(_))),
            "{sql}: {outcome:?}"
        );
    }
    store.insert("twice").await.unwrap();
    let outcome = store.insert("twice").await;
    assert!(
        matches!(outcome, Err(Failure::Broken(_))),
        "a constraint: {outcome:?}"
    );
}

#[test]
fn a_value_is_read_as_what_it_is() {
    assert!(bool::from_value(&true.to_value()).unwrap());
    assert_eq!(Option::<i64>::from_value(&Value::Null).unwrap(), None);
    assert!(i64::from_value(&Value::Text("1".to_owned())).is_err());
    assert!(String::from_value(&Value::Null).is_err());
    assert!(contracts::ids::UserId::from_value(&Value::Text("no id".to_owned())).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn values_survive_the_database(text in ".*", int: i64, bytes: Vec<u8>, some: Option<i64>) {
        // A NUL ends a text in the other database; the edge refuses it.
        let text = text.replace('\0', "");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = runtime.block_on(async {
            let store = Store::new();
            let values = (text.clone(), int, bytes.clone(), some);
            let look = async move |tx: &mut Tx| {
                let (text, int, bytes, some) = &values;
                tx.query_one("select $1, $2, $3, $4", params![text, int, bytes, some]).await
            };
            store.db.read(look).await.unwrap()
        });
        prop_assert_eq!(read.get::<String>(0).unwrap(), text);
        prop_assert_eq!(read.get::<i64>(1).unwrap(), int);
        prop_assert_eq!(read.get::<Vec<u8>>(2).unwrap(), bytes);
        prop_assert_eq!(read.get::<Option<i64>>(3).unwrap(), some);
    }
}
