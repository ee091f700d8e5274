//! What passes through the door: headers and cookies both ways, other sites' forms, failures,
//! assets and live streams.

use std::time::Duration;

use crate::fake::{Fake, ORDER, TICKET, order, ticket};
use crate::world::World;
use futures::StreamExt;
use serde_json::json;
use tower::ServiceExt;
use web::Change;

#[tokio::test]
async fn the_api_sees_whom_the_page_is_for() {
    let world = World::signed_in();
    world.api.answer("GET /api/tickets", 200, &json!([]));
    let carried = [
        ("accept-language", "de"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("tracestate", "a=b"),
        ("x-request-id", "r-1"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("user-agent", "browser"),
        ("origin", "http://tickets.example"),
        ("sec-fetch-site", "same-origin"),
    ];
    let mut sent = carried.to_vec();
    sent.extend([
        ("authorization", "Bearer x"),
        ("accept-encoding", "gzip"),
        ("x-other", "1"),
    ]);
    world
        .send(world.request("GET", "/", &sent, String::new()))
        .await;
    for what in ["GET /api/tickets", "GET /api/users/currentuser"] {
        let seen = world.api.seen(what).remove(0);
        for (name, value) in carried {
            assert_eq!(seen.header(name), Some(value), "{what}");
        }
        assert_eq!(seen.header("cookie"), Some("session=secret"));
        assert_eq!(seen.header("host"), Some("tickets.example"));
        for name in ["authorization", "accept-encoding", "x-other"] {
            assert_eq!(seen.header(name), None, "{name}");
        }
    }
    assert_eq!(world.api.count(), 2, "one round, each asked once");
}

#[tokio::test]
async fn every_cookie_of_the_api_reaches_the_browser() {
    let world = World::signed_in();
    world.api.answer("GET /api/tickets", 200, &json!([]));
    world.api.with_header(
        "GET /api/users/currentuser",
        "set-cookie",
        "session=; Max-Age=0",
    );
    world
        .api
        .with_header("GET /api/tickets", "set-cookie", "b=2");
    let page = world.get("/").await;
    let mut cookies: Vec<_> = page.headers.get_all("set-cookie").iter().collect();
    cookies.sort_by_key(|cookie| cookie.to_str().unwrap().to_owned());
    assert_eq!(cookies, ["b=2", "session=; Max-Age=0"]);
}

#[tokio::test]
async fn pages_may_do_nothing_that_is_not_ours() {
    let world = World::signed_in();
    world.api.answer(
        "GET /api/tickets",
        200,
        &json!([ticket(TICKET, "x", crate::fake::OTHER, "listed")]),
    );
    world.order(&order(ORDER, "awaiting:payment"), &json!([]));
    for path in ["/", "/nowhere", &format!("/orders/{ORDER}")] {
        let page = world.get(path).await;
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("same-origin"));
        assert_eq!(page.header("cache-control"), Some("private, no-store"));
        assert!(
            !page.has(" style=") && !page.has("<style") && !page.has(" onclick="),
            "{path}"
        );
        for script in page.body.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/assets/"), "{path}: {script}");
        }
    }
}

#[tokio::test]
async fn what_needs_a_person_leads_to_sign_in_and_back() {
    let world = World::signed_out();
    world.order(&order(ORDER, "complete"), &json!([]));
    world.api.private("GET /api/orders", 200, &json!([]));
    world.api.private("GET /api/tickets/mine", 200, &json!([]));
    world
        .api
        .private("GET /api/users/sessions", 200, &json!([]));
    world.api.private("POST /api/orders", 201, &json!({}));
    let order_page = format!("/orders/{ORDER}");
    for path in [
        "/orders",
        "/tickets/mine",
        "/tickets/new",
        "/account",
        &order_page,
    ] {
        let page = world.get(path).await;
        assert_eq!(
            page.location(),
            format!("/auth/signin?next={path}"),
            "{path}"
        );
    }
    let page = world.get("/orders?cursor=a&b").await;
    assert_eq!(
        page.location(),
        "/auth/signin?next=/orders%3Fcursor%3Da%26b"
    );
    let page = world.post("/orders", &[("ticket_id", TICKET)]).await;
    assert_eq!(
        page.location(),
        format!("/auth/signin?next=/tickets/{TICKET}")
    );
}

#[tokio::test]
async fn other_sites_forms_are_refused() {
    let world = World::signed_in();
    world.api.answer("POST /api/users/signout", 200, &json!({}));
    let elsewhere = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://tickets.example.evil.example"),
    ];
    for header in elsewhere {
        let page = world.post_with("/auth/signout", &[], &[header]).await;
        assert_eq!(page.status, 403, "{header:?}");
        assert!(page.has("That came from another site") && page.has("press the button yourself"));
    }
    assert_eq!(world.api.count(), 0, "nothing was asked");
    let ours = [
        ("sec-fetch-site", "same-origin"),
        ("origin", "http://tickets.example"),
    ];
    for header in ours {
        assert_eq!(
            world
                .post_with("/auth/signout", &[], &[header])
                .await
                .status,
            303
        );
    }
    assert_eq!(
        world.post_with("/auth/signout", &[], &[]).await.status,
        303,
        "no browser"
    );
}

#[tokio::test]
async fn the_public_url_decides_what_another_site_is() {
    let world = World::at(Fake::default(), true, Some("https://public.example/"));
    world.api.answer("POST /api/users/signout", 200, &json!({}));
    let from = async |origin| {
        world
            .post_with("/auth/signout", &[], &[("origin", origin)])
            .await
    };
    assert_eq!(from("https://public.example").await.status, 303);
    assert_eq!(from("http://tickets.example").await.status, 403);
}

#[tokio::test]
async fn failures_say_what_to_do() {
    let world = World::signed_in();
    world.api.answer("GET /api/tickets", 503, &json!({}));
    let page = world
        .send(world.request("GET", "/", &[("x-request-id", "r-9")], String::new()))
        .await;
    assert_eq!(page.status, 503);
    assert!(page.has("<a class=\"button\" href=\"/\">Try again</a>") && page.has("r-9"));
    assert_eq!(page.header("retry-after"), Some("5"));
    world
        .api
        .answer("GET /api/tickets", 200, &json!({"not": "a list"}));
    assert_eq!(world.get("/").await.status, 500);
    for path in [
        "/nowhere",
        "/tickets/1",
        "/orders/x",
        &format!("/tickets/{TICKET}"),
    ] {
        let page = world.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.has("home page"));
    }
    assert_eq!(world.post("/api-docs", &[]).await.status, 405);
}

#[tokio::test]
async fn forms_that_are_none_are_refused() {
    let world = World::signed_in();
    let long = "x".repeat(70_000);
    assert_eq!(
        world.post("/tickets/new", &[("title", &long)]).await.status,
        413
    );
    let twice = [("title", "a"), ("title", "b")];
    assert_eq!(world.post("/tickets/new", &twice).await.status, 400);
    let mut request = world.request("POST", "/tickets/new", &[], "{}".to_owned());
    request
        .headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    assert_eq!(world.send(request).await.status, 400);
    assert!(world.api.seen("POST /api/tickets").is_empty());
}

#[tokio::test]
async fn a_double_click_waits_for_the_first_answer() {
    let world = World::signed_in();
    world.api.refuse(
        "POST /api/orders",
        409,
        &[("", "The same request is still running.")],
    );
    world
        .api
        .with_header("POST /api/orders", "retry-after", "1");
    let click = world.post("/orders", &[("ticket_id", TICKET)]);
    let first = async {
        while world.api.seen("POST /api/orders").is_empty() {
            tokio::task::yield_now().await;
        }
        world
            .api
            .answer("POST /api/orders", 201, &order(ORDER, "created"));
    };
    let (page, ()) = futures::join!(click, first);
    assert_eq!(page.location(), format!("/orders/{ORDER}"));
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_their_contents_name() {
    let world = World::signed_out();
    world.api.answer("GET /api/tickets", 200, &json!([]));
    let page = world.get("/").await;
    let at = page
        .body
        .split("\"/assets/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    let mut kinds = Vec::new();
    for path in at {
        let asset = world.get(&format!("/assets/{path}")).await;
        assert_eq!(asset.status, 200, "{path}");
        assert!(
            asset.header("cache-control").unwrap().contains("immutable"),
            "{path}"
        );
        kinds.push(asset.header("content-type").unwrap().to_owned());
    }
    for kind in ["text/css", "text/javascript", "image/svg+xml"] {
        assert!(kinds.iter().any(|of| of.starts_with(kind)), "{kind}");
    }
    let old = world.get("/assets/outdated/site.css").await;
    assert_eq!(
        (old.status.as_u16(), old.header("cache-control")),
        (200, Some("no-cache"))
    );
    assert_eq!(world.get("/assets/x/nothing.js").await.status, 404);
}

#[tokio::test]
async fn an_open_page_hears_of_its_own_changes_only() {
    let world = World::signed_out();
    let request = world.request("GET", &format!("/live/orders/{ORDER}"), &[], String::new());
    let answer = world.app.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut stream = answer.into_body().into_data_stream();
    let mut next = async || {
        let chunk = tokio::time::timeout(Duration::from_secs(5), stream.next())
            .await
            .unwrap();
        chunk.map(|chunk| String::from_utf8(chunk.unwrap().to_vec()).unwrap())
    };
    assert!(next().await.unwrap().starts_with(": following"));
    let change = |aggregate: &str, id: &str, version| Change {
        aggregate: aggregate.to_owned(),
        id: id.to_owned(),
        version,
    };
    for told in [
        change("order", TICKET, 7),
        change("ticket", ORDER, 8),
        change("order", ORDER, 9),
    ] {
        world.changes.send(told).unwrap();
    }
    assert_eq!(
        next().await.unwrap(),
        "event: changed\ndata: {\"version\":9}\n\n"
    );
    let World { changes, .. } = world;
    drop(changes);
    assert_eq!(next().await, None, "the streams end with the process");
}

#[tokio::test]
async fn live_streams_are_limited() {
    let world = World::signed_out();
    assert_eq!(world.get("/live/orders/nonsense").await.status, 404);
    let mut open = Vec::new();
    let refused = loop {
        let request = world.request("GET", &format!("/live/orders/{ORDER}"), &[], String::new());
        let answer = world.app.clone().oneshot(request).await.unwrap();
        if answer.status() != 200 {
            break answer.status();
        }
        open.push(answer);
    };
    assert_eq!((refused.as_u16(), open.len()), (503, 1024));
    open.clear();
    let request = world.request("GET", &format!("/live/orders/{ORDER}"), &[], String::new());
    assert_eq!(
        world.app.clone().oneshot(request).await.unwrap().status(),
        200
    );
}

#[test]
fn what_fails_before_the_pages_has_a_page_too() {
    for status in [400, 403, 404, 405, 413, 429, 500, 503] {
        let status = http::StatusCode::from_u16(status).unwrap();
        let answer = web::failure_page(&web::Settings::default(), status);
        assert_eq!(answer.status(), status);
        assert!(answer.headers().contains_key("content-security-policy"));
    }
}
