//! Signing up, in and out, passwords and sessions: what is asked of the API, and what comes back.

use serde_json::json;

use crate::fake::{ME, SESSION};
use crate::world::World;

const KEY: &str = "0196a000-0000-7000-8000-00000000abcd";

#[tokio::test]
async fn signing_in_sets_the_cookie_and_leads_on_but_never_away() {
    let world = World::signed_out();
    world.api.answer(
        "POST /api/users/signin",
        200,
        &json!({"id": ME, "email": "a@b.example"}),
    );
    world.api.with_header(
        "POST /api/users/signin",
        "set-cookie",
        "session=new; HttpOnly",
    );
    let cases = [
        ("/orders", "/orders"),
        ("/tickets?x=1&y=2", "/tickets?x=1&y=2"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/x\r\nset-cookie: a=b", "/"),
    ];
    for (next, leads_to) in cases {
        let form = [
            ("email", "a@b.example"),
            ("password", "correct horse"),
            ("next", next),
        ];
        let page = world.post("/auth/signin", &form).await;
        assert_eq!(page.location(), leads_to, "{next:?}");
        assert_eq!(page.header("set-cookie"), Some("session=new; HttpOnly"));
        let here = serde_urlencoded::to_string([("next", next)]).unwrap();
        let shown = world.get(&format!("/auth/signin?{here}")).await;
        assert!(!shown.has("evil.example"), "{next:?}");
    }
}

#[tokio::test]
async fn a_refused_sign_in_keeps_the_address_and_never_the_password() {
    let world = World::signed_out();
    world.api.refuse(
        "POST /api/users/signin",
        400,
        &[("", "E-mail or password is wrong.")],
    );
    let form = [
        ("email", "a@b.example"),
        ("password", "hunter22"),
        ("next", "/orders"),
    ];
    let page = world.post("/auth/signin", &form).await;
    assert_eq!(page.status, 422);
    assert!(page.has("E-mail or password is wrong.") && page.has("value=\"a@b.example\""));
    assert!(page.has("name=\"next\" value=\"/orders\"") && !page.has("hunter22"));
    world
        .api
        .refuse("POST /api/users/signin", 429, &[("", "Too many attempts.")]);
    world
        .api
        .with_header("POST /api/users/signin", "retry-after", "30");
    let page = world.post("/auth/signin", &form).await;
    assert_eq!(
        (page.status.as_u16(), page.header("retry-after")),
        (429, Some("30"))
    );
}

#[tokio::test]
async fn a_refused_sign_up_marks_each_field() {
    let world = World::signed_out();
    let wrong = [
        ("email", "must be an address"),
        ("password", "must have 8 characters"),
    ];
    world.api.refuse("POST /api/users/signup", 400, &wrong);
    let page = world
        .post("/auth/signup", &[("email", "nope"), ("password", "short")])
        .await;
    assert_eq!(page.status, 422);
    assert_eq!(page.body.matches("aria-invalid=\"true\"").count(), 2);
    assert!(page.has("value=\"nope\"") && !page.has("value=\"short\""));
    world
        .api
        .refuse("POST /api/users/signup", 409, &[("email", "is in use")]);
    let page = world
        .post(
            "/auth/signup",
            &[("email", "a@b.example"), ("password", "x")],
        )
        .await;
    assert!(page.status == 422 && page.has("E-mail is in use."));
}

#[tokio::test]
async fn signing_out_clears_the_cookie() {
    let world = World::signed_in();
    world.api.answer("POST /api/users/signout", 200, &json!({}));
    world.api.with_header(
        "POST /api/users/signout",
        "set-cookie",
        "session=; Max-Age=0",
    );
    let page = world
        .post("/auth/signout", &[("idempotency_key", KEY)])
        .await;
    assert_eq!(page.location(), "/?done=signedout");
    assert_eq!(page.header("set-cookie"), Some("session=; Max-Age=0"));
}

#[tokio::test]
async fn a_password_is_reset_by_the_link() {
    let world = World::signed_out();
    world
        .api
        .answer("POST /api/users/password-resets", 202, &json!({}));
    let page = world.post("/auth/reset", &[("email", "a@b.example")]).await;
    assert_eq!(page.location(), "/auth/reset?sent=yes");
    assert!(
        world
            .get("/auth/reset?sent=yes")
            .await
            .has("Look into your mail")
    );
    for path in ["/auth/reset?token=t-1", "/auth/reset/t-1"] {
        assert!(
            world.get(path).await.has("name=\"token\" value=\"t-1\""),
            "{path}"
        );
    }
    let confirm = "POST /api/users/password-resets/confirm";
    world.api.answer(confirm, 204, &json!(null));
    let form = [("token", "t-1"), ("password", "correct horse")];
    assert_eq!(
        world.post("/auth/reset/confirm", &form).await.location(),
        "/auth/signin?done=reset"
    );
    let wanted = json!({"token": "t-1", "password": "correct horse"});
    assert_eq!(world.api.seen(confirm)[0].json(), wanted);
    world.api.refuse(confirm, 400, &[("token", "has expired")]);
    let page = world.post("/auth/reset/confirm", &form).await;
    assert!(page.status == 422 && !page.has("correct horse"));
    assert!(page.has("Link has expired."), "{}", page.body);
}

#[tokio::test]
async fn a_password_is_changed_and_a_session_ended() {
    let world = World::signed_in();
    world.api.answer("GET /api/users/sessions", 200, &json!([]));
    world
        .api
        .answer("POST /api/users/password", 204, &json!(null));
    let form = [
        ("current", "old password"),
        ("new", "new password"),
        ("idempotency_key", KEY),
    ];
    assert_eq!(
        world.post("/account/password", &form).await.location(),
        "/account?done=password"
    );
    world.api.refuse(
        "POST /api/users/password",
        400,
        &[("current", "is not your password")],
    );
    let page = world.post("/account/password", &form).await;
    assert!(page.status == 422 && page.has("Current password is not your password."));
    assert!(!page.has("old password\"") && !page.has("new password\""));
    world.api.answer(
        &format!("DELETE /api/users/sessions/{SESSION}"),
        204,
        &json!(null),
    );
    let page = world
        .post(&format!("/account/sessions/{SESSION}/revocation"), &[])
        .await;
    assert_eq!(page.location(), "/account?done=session");
}
