//! Changing a password, and what that ends.

use anyhow::Result;
use auth::{Cost, Settings};
use contracts::events::auth::{User, UserFact};
use serde_json::json;

use crate::site::{PASSWORD, Site, cookie, fields};

const RENEWED: &str = "a whole new password";

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() -> Result<()> {
    let site = Site::open().await?;
    let here = site.sign_up("ada@example.org").await?;
    let there = cookie(&site.sign_in("ada@example.org", PASSWORD).await?)?;
    let change = json!({"current": PASSWORD, "new": RENEWED});
    let answer = site.post("password", Some(&here), change).await?;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""));
    assert!(site.current(&here).await?.is_some(), "this one goes on");
    assert_eq!(site.current(&there).await?, None);
    site.heard_elsewhere(&there).await?;
    let event = site
        .world
        .wait_for_event::<User>(|_, fact| fact == Some(&UserFact::Changed))
        .await?;
    assert_eq!(event.aggregateversion, 2);
    assert_eq!(
        site.sign_in("ada@example.org", PASSWORD).await?.code(),
        "wrong_credentials"
    );
    assert_eq!(site.sign_in("ada@example.org", RENEWED).await?.status, 200);
    site.end().await
}

#[tokio::test]
async fn bad_changes_are_refused() -> Result<()> {
    let site = Site::open().await?;
    let here = site.sign_up("ada@example.org").await?;
    let wrong = site
        .post(
            "password",
            Some(&here),
            json!({"current": "wrong", "new": RENEWED}),
        )
        .await?;
    assert_eq!(
        (wrong.status.as_u16(), wrong.code().as_str()),
        (400, "wrong_password")
    );
    assert_eq!(fields(&wrong), ["current"]);
    let short = site
        .post(
            "password",
            Some(&here),
            json!({"current": "", "new": "short"}),
        )
        .await?;
    assert_eq!(
        (short.status.as_u16(), fields(&short)),
        (400, vec!["current".to_owned(), "new".to_owned()])
    );
    let nobody = site
        .post(
            "password",
            None,
            json!({"current": PASSWORD, "new": RENEWED}),
        )
        .await?;
    assert_eq!(nobody.status, 401);
    assert_eq!(
        site.sign_in("ada@example.org", PASSWORD).await?.status,
        200,
        "it still is the same"
    );
    site.end().await
}

#[tokio::test]
async fn of_two_changes_at_once_one_holds() -> Result<()> {
    let site = Site::open().await?;
    let here = site.sign_up("ada@example.org").await?;
    let new = |number: usize| format!("new password {number}");
    let rush = (0..4).map(|number| {
        site.post(
            "password",
            Some(&here),
            json!({"current": PASSWORD, "new": new(number)}),
        )
    });
    let answers = futures::future::try_join_all(rush).await?;
    let changed: Vec<_> = (0..4)
        .filter(|number| answers[*number].status == 204)
        .collect();
    assert_eq!(changed.len(), 1);
    for number in 0..4 {
        let status = site.sign_in("ada@example.org", &new(number)).await?.status;
        assert_eq!(status == 200, changed.contains(&number), "{number}");
    }
    site.end().await
}

#[tokio::test]
async fn an_old_hash_is_replaced_at_sign_in() -> Result<()> {
    let site = Site::open().await?;
    let cookie = site.sign_up("ada@example.org").await?;
    let stored = async |site: &Site| -> Result<String> {
        let read = async |tx: &mut platform::Tx| {
            tx.query_one("select password_hash from users", &[])
                .await?
                .get::<String>(0)
        };
        Ok(site.db()?.read(read).await?)
    };
    assert!(stored(&site).await?.contains("t=1"));
    let cost = Cost::new(64, 2)?;
    let site = site
        .restart_with(|settings| Settings {
            hash_cost: cost,
            ..settings
        })
        .await?;
    assert!(site.current(&cookie).await?.is_some());
    assert_eq!(site.sign_in("ada@example.org", "wrong").await?.status, 400);
    assert!(
        stored(&site).await?.contains("t=1"),
        "only who shows the password has it hashed anew"
    );
    assert_eq!(site.sign_in("ada@example.org", PASSWORD).await?.status, 200);
    assert!(stored(&site).await?.contains("t=2"));
    assert_eq!(site.sign_in("ada@example.org", PASSWORD).await?.status, 200);
    site.end().await
}
