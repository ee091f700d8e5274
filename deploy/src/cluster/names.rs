//! The cluster's names: a server of DNS that knows what it is told, by RFC 1035, and nothing else.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::UdpSocket;

/// What every name of the cluster ends with.
pub const DOMAIN: &str = "ticketing.svc.cluster.local";

/// Types of records: addresses of four bytes, and of sixteen, of which there are none.
const A: [u8; 2] = [0, 1];
const AAAA: [u8; 2] = [0, 28];

/// Which addresses a name stands for. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<BTreeMap<String, Vec<Ipv4Addr>>>>);

impl Names {
    /// From now on a name stands for these; for nothing if there are none.
    pub fn set(&self, name: &str, addresses: Vec<Ipv4Addr>) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(format!("{name}.{DOMAIN}"), addresses);
    }

    /// What a name stands for.
    #[must_use]
    pub fn get(&self, name: &str) -> Vec<Ipv4Addr> {
        self.find(&format!("{name}.{DOMAIN}")).unwrap_or_default()
    }

    fn find(&self, name: &str) -> Option<Vec<Ipv4Addr>> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(name).cloned()
    }

    /// Answers questions for ever.
    pub async fn answer(self, socket: UdpSocket) {
        let mut buffer = [0; 512];
        loop {
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
                continue;
            };
            let question = buffer.get(..length).unwrap_or_default();
            if let Some(answer) = self.answer_to(question) {
                socket.send_to(&answer, from).await.ok();
            }
        }
    }

    fn answer_to(&self, question: &[u8]) -> Option<Vec<u8>> {
        let (name, end) = name_in(question)?;
        let kind = question.get(end..end + 2)?;
        let found = self.find(&name);
        let addresses = match (&found, kind) {
            (Some(addresses), kind) if kind == A => addresses.as_slice(),
            _ => &[],
        };
        // An answer by the one who knows; "no such name" is 3.
        let code = if found.is_some() || kind != A && kind != AAAA {
            0
        } else {
            3
        };
        let count = u8::try_from(addresses.len()).ok()?;
        let mut answer = question.get(..2)?.to_vec();
        answer.extend([0x85, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
        answer.extend(question.get(12..end + 4)?);
        for address in addresses {
            // The name stands at byte 12; its kind, the Internet's class, 5 seconds, 4 bytes.
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
            answer.extend(address.octets());
        }
        Some(answer)
    }
}

/// The name that a question is about, and where it ends.
fn name_in(question: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = question.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str, kind: [u8; 2]) -> Vec<u8> {
        let mut question = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            question.push(u8::try_from(label.len()).unwrap());
            question.extend(label.as_bytes());
        }
        question.push(0);
        question.extend(kind);
        question.extend([0, 1]);
        question
    }

    #[test]
    fn a_name_has_its_addresses_and_others_are_unknown() {
        let names = Names::default();
        let address = Ipv4Addr::new(10, 77, 1, 3);
        names.set("orders-pods", vec![address]);
        let name = format!("orders-pods.{DOMAIN}");
        let answer = names.answer_to(&question(&name, A)).unwrap();
        assert_eq!(answer[..2], [7, 9]);
        assert_eq!((answer[3] & 15, answer[7]), (0, 1));
        assert!(answer.ends_with(&address.octets()));
        let none = names.answer_to(&question(&name, AAAA)).unwrap();
        assert_eq!(
            (none[3] & 15, none[7]),
            (0, 0),
            "it is there, without such an address"
        );
        let unknown = names.answer_to(&question("orders-pods", A)).unwrap();
        assert_eq!(unknown[3] & 15, 3);
        assert_eq!(names.answer_to(&[0; 5]), None);
        names.set("orders-pods", Vec::new());
        assert!(names.get("orders-pods").is_empty());
    }
}
