//! Tokens whose signature was found good, so that it is checked once and not at every request.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::SignedIn;

/// How many tokens one generation holds. Two are kept, some 500 bytes a token: 4 MiB at most.
const GENERATION: usize = 4096;

/// A token of ours is far shorter; a longer one is not looked at.
const MAX_TOKEN: usize = 2048;

/// Good tokens in two generations: when the younger is full the older is dropped whole.
#[derive(Debug, Default)]
pub(super) struct Verified(RwLock<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Box<str>, SignedIn>,
    old: HashMap<Box<str>, SignedIn>,
}

impl Verified {
    /// What a token says, from memory or by `verify`. The whole token is the key: one changed
    /// character makes it another.
    pub(super) fn get_or_verify(
        &self,
        token: &str,
        verify: impl FnOnce() -> Option<SignedIn>,
    ) -> Option<SignedIn> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let old = {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(signed_in) = known.young.get(token) {
                return Some(signed_in.clone());
            }
            known.old.get(token).cloned()
        };
        let signed_in = old.or_else(verify)?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.young.len() >= GENERATION {
            known.old = std::mem::take(&mut known.young);
        }
        known.young.insert(token.into(), signed_in.clone());
        Some(signed_in)
    }
}
