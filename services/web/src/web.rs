//! What every page needs at hand: the settings, the gateway, the time, the rendered lists.

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::body::Body;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::{Receiver, WeakSender};
use tower::util::BoxCloneSyncService;
use uuid::Uuid;

use crate::listings::Listings;

/// Where the API answers: the load balancer, asked by relative path; in one process the same
/// router, called without a socket.
pub type Gateway =
    BoxCloneSyncService<http::Request<Body>, http::Response<Body>, std::convert::Infallible>;

/// Who tells the pages that something changed. The open streams end when its last sender is gone.
pub type Changes = tokio::sync::broadcast::Sender<Change>;

/// Tells the time; the browser's is never asked.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Draws the one-time keys of the forms.
pub type NewId = Arc<dyn Fn() -> Uuid + Send + Sync>;

/// How many browsers may follow changes at once; a stream costs a task and a few kB.
const STREAMS_MAX: usize = 1024;

/// What an operator decides about the pages.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where people reach the site (`https://tickets.example`); decides what counts as another
    /// site. The request's own host does when it is none.
    pub public_url: Option<String>,
    /// Whether payments are the sandbox's: the card form then offers its test cards and says so.
    pub sandbox: bool,
    /// Whether `/dev/mail` shows the mail that was sent.
    pub dev_mail: bool,
    /// What the forms say about how long things may be; the API judges.
    pub limits: Limits,
}

/// How long what one types may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How many characters a listing's title may have.
    pub title_chars_max: usize,
    /// How many characters a new password has.
    pub password_chars: RangeInclusive<usize>,
}

impl Limits {
    pub(crate) fn title_hint(&self) -> String {
        let most = self.title_chars_max;
        format!("What it is for, where and when: up to {most} characters.")
    }

    pub(crate) fn password_hint(&self) -> String {
        let (least, most) = (self.password_chars.start(), self.password_chars.end());
        format!("{least} to {most} characters, any that you like.")
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            title_chars_max: 200,
            password_chars: 8..=128,
        }
    }
}

/// Something changed: which thing, and the number of the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The kind of thing, `order` or `ticket`.
    pub aggregate: String,
    /// Its id.
    pub id: String,
    /// The number of the change.
    pub version: i64,
}

/// The state of the pages; cheap to clone.
#[derive(Clone)]
pub struct Web(Arc<Inner>);

struct Inner {
    settings: Settings,
    gateway: Gateway,
    changes: WeakSender<Change>,
    now: Now,
    new_id: NewId,
    listings: Listings,
    streams: Arc<Semaphore>,
}

impl Web {
    pub(crate) fn new(
        settings: Settings,
        gateway: Gateway,
        changes: &Changes,
        now: Now,
        new_id: NewId,
    ) -> Self {
        Self(Arc::new(Inner {
            settings,
            gateway,
            changes: changes.downgrade(),
            now,
            new_id,
            listings: Listings::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        }))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn gateway(&self) -> Gateway {
        self.0.gateway.clone()
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0.now)()
    }

    pub(crate) fn new_id(&self) -> Uuid {
        (self.0.new_id)()
    }

    /// The one-time key that a form brought back, or a new one for a form without.
    pub(crate) fn key_of(&self, typed: &str) -> Uuid {
        Uuid::try_parse(typed)
            .ok()
            .filter(|key| !key.is_nil())
            .unwrap_or_else(|| self.new_id())
    }

    pub(crate) fn listings(&self) -> &Listings {
        &self.0.listings
    }

    pub(crate) fn streams(&self) -> Arc<Semaphore> {
        self.0.streams.clone()
    }

    /// The changes from now on, unless the process is stopping.
    pub(crate) fn follow(&self) -> Option<Receiver<Change>> {
        self.0.changes.upgrade().map(|sender| sender.subscribe())
    }
}
