//! A NATS server whose users are signed for, as `nsc` does it, and the files that they show.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Server, jetstream, started};

/// An operator's account whose users may do anything, JetStream among it.
pub struct Account {
    operator: KeyPair,
    account: KeyPair,
    directory: TempDir,
}

impl Account {
    /// One that nobody else has signed for.
    ///
    /// # Errors
    /// When there is no place for files.
    pub fn new() -> Result<Self> {
        Ok(Self {
            operator: KeyPair::new_operator(),
            account: KeyPair::new_account(),
            directory: super::private_directory()?,
        })
    }

    /// A server with JetStream that lets in the users of this account alone.
    ///
    /// # Errors
    /// When there is no `nats-server`, or it does not start.
    pub fn server(&self) -> Result<Server> {
        let operator = claims(&self.operator, &self.operator, "operator", json!({}))?;
        let account = |key: &KeyPair, storage: i32| {
            let limits = json!({"limits": {
                "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
                "conn": -1, "leaf": -1,
                "mem_storage": storage, "disk_storage": storage, "streams": -1, "consumer": -1,
            }});
            claims(key, &self.operator, "account", limits)
        };
        // JetStream itself works in an account that keeps nothing.
        let system = KeyPair::new_account();
        let (ours, its) = (account(&self.account, -1)?, account(&system, 0)?);
        let (name, system) = (self.account.public_key(), system.public_key());
        let trusted = format!(
            "operator: {operator:?}\nsystem_account: {system}\nresolver: MEMORY\n\
             resolver_preload: {{ {name}: {ours:?}, {system}: {its:?} }}\n"
        );
        started(|| Server::new("n1", |store| jetstream(store) + &trusted))
    }

    /// The credentials of a new user: a file's path.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn user(&self) -> Result<PathBuf> {
        let user = KeyPair::new_user();
        let limits = json!({"subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {}});
        let token = claims(&user, &self.account, "user", limits)?;
        let seed = user.seed().context("the user's seed")?;
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        let name = format!("{}.creds", user.public_key());
        let file = self.directory.path().join(name);
        std::fs::write(&file, text).context("write the credentials")?;
        Ok(file)
    }
}

/// What one key says of another, signed: a JWT with NATS's own algorithm.
fn claims(about: &KeyPair, by: &KeyPair, kind: &str, mut nats: Value) -> Result<String> {
    if let Some(fields) = nats.as_object_mut() {
        fields.insert("type".to_owned(), kind.into());
        fields.insert("version".to_owned(), 2.into());
    }
    let (subject, issuer) = (about.public_key(), by.public_key());
    let header = json!({"typ": "JWT", "alg": "ed25519-nkey"});
    let body = json!({
        "jti": subject, "iat": 1, "iss": issuer, "name": kind, "sub": subject, "nats": nats,
    });
    let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let said = format!("{}.{}", encoded(&header), encoded(&body));
    let signature = by.sign(said.as_bytes()).context("sign the claims")?;
    Ok(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
