//! Live state: tells an open page that its order or ticket changed, by server-sent events.
//!
//! It says no more than a number; the page is then fetched again with the visitor's own rights.
//! What is missed, the next page load shows.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::StreamExt;
use futures::stream::Stream;
use http::{HeaderName, HeaderValue, StatusCode, header};
use tokio::sync::broadcast::Receiver;
use tokio_stream::wrappers::BroadcastStream;
use uuid::Uuid;

use crate::answer::{Failure, Reply};
use crate::web::{Change, Web};

/// Proxies close what is silent for a minute.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
/// Then the browser connects again: a stream that nobody reads is not kept for ever.
const STREAM_FOR: Duration = Duration::from_secs(10 * 60);
/// How long a browser waits before it connects again.
const RECONNECT_AFTER: Duration = Duration::from_secs(3);

/// The streams' routes.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/live/orders/{id}", get(order))
        .route("/live/tickets/{id}", get(ticket))
}

async fn order(State(web): State<Web>, Path(id): Path<String>) -> Reply {
    follow(&web, "order", &id)
}

async fn ticket(State(web): State<Web>, Path(id): Path<String>) -> Reply {
    follow(&web, "ticket", &id)
}

fn follow(web: &Web, aggregate: &'static str, id: &str) -> Reply {
    let id = Uuid::try_parse(id)
        .map_err(|_| Failure::NotFound)?
        .hyphenated()
        .to_string();
    let (Ok(place), Some(changes)) = (web.streams().try_acquire_owned(), web.follow()) else {
        return Ok(no_place());
    };
    let started = Event::default().comment("following").retry(RECONNECT_AFTER);
    let events = futures::stream::once(ready(Ok(started)))
        .chain(signals(changes, aggregate, id))
        .take_until(tokio::time::sleep(STREAM_FOR))
        .inspect(move |_| {
            // The place is given back with the stream.
            let _ = &place;
        });
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE_EVERY);
    Ok((headers, Sse::new(Box::pin(events)).keep_alive(keep_alive)).into_response())
}

/// A browser that gets no stream does without: the page says everything when it is loaded.
fn no_place() -> Response {
    let wait = [(header::RETRY_AFTER, HeaderValue::from_static("60"))];
    (StatusCode::SERVICE_UNAVAILABLE, wait).into_response()
}

fn signals(
    changes: Receiver<Change>,
    aggregate: &'static str,
    id: String,
) -> impl Stream<Item = Result<Event, Infallible>> {
    BroadcastStream::new(changes).filter_map(move |change| {
        let data = match change {
            Ok(change) if change.aggregate == aggregate && change.id == id => {
                Some(format!("{{\"version\":{}}}", change.version))
            }
            Ok(_) => None,
            // Some were missed, perhaps one of this thing.
            Err(_) => Some("{}".to_owned()),
        };
        ready(data.map(|data| Ok(Event::default().event("changed").data(data))))
    })
}
