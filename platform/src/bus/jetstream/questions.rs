//! Questions and replies; a reply larger than a message comes in parts.

use async_nats::{Client, HeaderMap, Message, StatusCode, Subject};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::oneshot;

use super::Wire;
use crate::bus::{BusError, Question};
use crate::tasks::Tasks;

/// The largest reply, in bytes: several times a page of the largest events.
const REPLY_MAX: usize = 64 * 1024 * 1024;

/// The largest part of one, in bytes: half of what servers take by default.
const PART_MAX: usize = 512 * 1024;

/// What headers of a part take at most, in bytes.
const HEADERS_MAX: usize = 512;

/// The header that says which part it is, and of how many: `1/6`.
const PART: &str = "reply-part";

/// The header of a refusal.
const REFUSED: &str = "reply-refused";

impl Wire {
    /// Asks, and puts the parts of the reply together.
    pub(super) async fn ask(&self, service: &str, question: Bytes) -> Result<Bytes, BusError> {
        self.connected()?;
        let inbox = self.client.new_inbox();
        let mut parts = self.client.subscribe(inbox.clone()).await.map_err(failed)?;
        self.client
            .publish_with_reply(self.names.questions(service), inbox, question)
            .await
            .map_err(failed)?;
        let mut reply = Reply::default();
        while let Some(message) = parts.next().await {
            if message.status == Some(StatusCode::NO_RESPONDERS) {
                return Err(BusError(format!("nobody answers for {service}")));
            }
            if let Some(whole) = reply.add(&message)? {
                return Ok(whole);
            }
        }
        Err(BusError("the connection ended".to_owned()))
    }

    /// Hears questions to a service; any of those who hear gets each.
    pub(super) async fn serve(
        &self,
        service: &str,
    ) -> Result<BoxStream<'static, Question>, BusError> {
        let subject = self.names.questions(service);
        let asked = self
            .client
            .queue_subscribe(subject, self.names.stream(service))
            .await
            .map_err(failed)?;
        self.settle().await;
        let (client, tasks) = (self.client.clone(), self.tasks.clone());
        let questions = asked.filter_map(move |message: Message| {
            std::future::ready(message.reply.map(|to| {
                let reply = replying(client.clone(), to, &tasks);
                Question {
                    body: message.payload,
                    reply,
                }
            }))
        });
        Ok(questions.boxed())
    }
}

fn failed(error: impl std::fmt::Display) -> BusError {
    BusError(error.to_string())
}

/// Where the reply goes; it is sent from there as soon as it is given.
fn replying(client: Client, to: Subject, tasks: &Tasks) -> oneshot::Sender<Bytes> {
    let (sender, given) = oneshot::channel::<Bytes>();
    tasks.spawn(async move {
        let sent = match given.await {
            Ok(reply) if reply.len() <= REPLY_MAX => send_parts(&client, &to, reply).await,
            Ok(_) => refuse(&client, &to, "the reply is too large").await,
            Err(_) => refuse(&client, &to, "no reply was given").await,
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "a reply was lost");
        }
    });
    sender
}

async fn send_parts(client: &Client, to: &Subject, mut reply: Bytes) -> Result<(), BusError> {
    let room = client.max_payload().saturating_sub(HEADERS_MAX);
    let size = room.clamp(1, PART_MAX);
    let count = reply.len().div_ceil(size).max(1);
    for number in 1..=count {
        let part = reply.split_to(size.min(reply.len()));
        let mut headers = HeaderMap::new();
        headers.insert(PART, format!("{number}/{count}"));
        client
            .publish_with_headers(to.clone(), headers, part)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

async fn refuse(client: &Client, to: &Subject, reason: &str) -> Result<(), BusError> {
    let mut headers = HeaderMap::new();
    headers.insert(REFUSED, reason);
    client
        .publish_with_headers(to.clone(), headers, Bytes::new())
        .await
        .map_err(failed)
}

/// A reply that comes in parts.
#[derive(Default)]
struct Reply {
    parts: usize,
    body: BytesMut,
}

impl Reply {
    /// Adds a part; gives the whole once the last is there.
    fn add(&mut self, message: &Message) -> Result<Option<Bytes>, BusError> {
        let header = |name: &str| message.headers.as_ref().and_then(|all| all.get(name));
        if let Some(reason) = header(REFUSED) {
            return Err(BusError(reason.to_string()));
        }
        let lost = || BusError("a part of the reply was lost".to_owned());
        let place = header(PART).and_then(|part| part.as_str().split_once('/'));
        let (number, count) = place.ok_or_else(lost)?;
        let number: usize = number.parse().map_err(|_| lost())?;
        let count: usize = count.parse().map_err(|_| lost())?;
        // One connection to one inbox keeps the order, so another part than the next shows a loss.
        if number != self.parts + 1 || number > count {
            return Err(lost());
        }
        if self.body.len() + message.payload.len() > REPLY_MAX {
            return Err(BusError("the reply is too large".to_owned()));
        }
        self.parts = number;
        if count == 1 {
            return Ok(Some(message.payload.clone()));
        }
        self.body.extend_from_slice(&message.payload);
        Ok((number == count).then(|| std::mem::take(&mut self.body).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(place: &str, body: &'static [u8]) -> Message {
        let mut headers = HeaderMap::new();
        headers.insert(PART, place);
        Message {
            subject: "inbox".into(),
            reply: None,
            payload: Bytes::from_static(body),
            headers: Some(headers),
            status: None,
            description: None,
            length: body.len(),
        }
    }

    #[test]
    fn parts_become_a_whole() {
        let mut reply = Reply::default();
        assert!(reply.add(&part("1/3", b"a")).unwrap().is_none());
        assert!(reply.add(&part("2/3", b"b")).unwrap().is_none());
        assert_eq!(reply.add(&part("3/3", b"c")).unwrap().unwrap(), "abc");
        assert_eq!(
            Reply::default().add(&part("1/1", b"")).unwrap().unwrap(),
            ""
        );
    }

    #[test]
    fn a_lost_or_malformed_part_fails() {
        let mut reply = Reply::default();
        reply.add(&part("1/3", b"a")).unwrap();
        assert!(reply.add(&part("3/3", b"c")).is_err());
        for place in ["2/2", "0/1", "1/0", "1", "a/b", ""] {
            assert!(Reply::default().add(&part(place, b"")).is_err(), "{place}");
        }
    }
}
