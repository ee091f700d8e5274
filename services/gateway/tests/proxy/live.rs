//! A service's live stream in the test's hands.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

use crate::world::{Server, ready};

/// A live stream that says what it is told, and whether its reader is still there.
pub struct Live {
    pub say: Sender<&'static str>,
    pub left: CancellationToken,
    pub server: Server,
}

impl Live {
    pub async fn start() -> Self {
        let (say, said) = channel::<&'static str>(8);
        let said = Arc::new(Mutex::new(Some(said)));
        let left = CancellationToken::new();
        let gone = left.clone();
        let answer = move || {
            let said: Receiver<&'static str> = said.lock().unwrap().take().unwrap();
            let guard = gone.clone().drop_guard();
            let events = futures::stream::unfold((said, guard), |(mut said, guard)| async {
                let event = said.recv().await?;
                Some((Ok::<_, std::io::Error>(event), (said, guard)))
            });
            std::future::ready((
                [("content-type", "text/event-stream")],
                Body::from_stream(events),
            ))
        };
        let server = Server::start(ready(Router::new().route("/live/orders/1", get(answer)))).await;
        Self { say, left, server }
    }
}
