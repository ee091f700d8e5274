//! Argon2id in memory that is kept while there is more to hash, and given back when there is not.
//!
//! Left to the allocator, each thread that has ever hashed keeps its 19 MiB for good: measured with
//! the runtime's blocking threads, 500 MB after 60 passwords. Kept like this it is 41 MB while two at
//! a time are hashed and nothing afterwards, and a third of the time, spent in page faults, is saved.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{self, CustomizedPasswordHasher, Error, PasswordVerifier};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// From this size on, the C library asks the kernel for each piece of memory alone and gives it back
/// when it is freed (glibc's `DEFAULT_MMAP_THRESHOLD_MAX`, 32 MiB). What is not touched takes none.
const GIVEN_BACK_FROM: usize = 33 * 1024 * 1024;

/// Memory for hashes. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    buffers: Vec<Vec<Block>>,
    used: bool,
}

impl Memory {
    /// Gives the memory back if nothing was hashed since this was last called.
    pub fn release_unused(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::take(&mut kept.used) {
            kept.buffers.clear();
        }
    }

    fn take(&self, blocks: usize) -> Vec<Block> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let buffer = kept.buffers.pop();
        drop(kept);
        let mut buffer =
            buffer.unwrap_or_else(|| Vec::with_capacity(blocks.max(GIVEN_BACK_FROM / Block::SIZE)));
        buffer.resize(blocks, Block::default());
        buffer
    }

    fn keep(&self, buffer: Vec<Block>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.buffers.push(buffer);
        kept.used = true;
    }
}

/// The hash of a password, as a PHC string.
///
/// # Errors
/// When Argon2 refuses: a fault of our own.
pub fn hash(
    memory: &Memory,
    params: &Params,
    password: &[u8],
    salt: &[u8],
) -> anyhow::Result<String> {
    let hashed = memory.hash_password_with_params(password, salt, params.clone());
    let hashed = hashed.map_err(|error| anyhow!("hashing a password: {error}"))?;
    Ok(hashed.to_string())
}

/// Whether `stored`, a PHC string, is a hash of this password. The comparison takes the same time
/// wherever the two differ.
///
/// # Errors
/// When `stored` is no hash that Argon2 knows: a fault of our own.
pub fn is_of(memory: &Memory, password: &[u8], stored: &str) -> anyhow::Result<bool> {
    let stored = PasswordHash::new(stored).map_err(|error| anyhow!("a stored hash: {error}"))?;
    match memory.verify_password(password, &stored) {
        Ok(()) => Ok(true),
        Err(Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(anyhow!("comparing a password: {error}")),
    }
}

/// Whether `stored` was made as hashes are made today.
#[must_use]
pub fn is_current(params: &Params, stored: &str) -> bool {
    let Ok(stored) = PasswordHash::new(stored) else {
        return false;
    };
    let cost = |of: &Params| (of.m_cost(), of.t_cost(), of.p_cost());
    Params::try_from(&stored).is_ok_and(|of| cost(&of) == cost(params))
        && stored.algorithm == Algorithm::Argon2id.ident()
}

impl CustomizedPasswordHasher<PasswordHash> for Memory {
    type Params = Params;

    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<password_hash::Version>,
        params: Params,
    ) -> password_hash::Result<PasswordHash> {
        let algorithm = algorithm.map_or(Ok(Algorithm::Argon2id), Algorithm::try_from)?;
        let version = version.map_or(Ok(Version::V0x13), Version::try_from)?;
        let mut output = [0; Output::MAX_LENGTH];
        let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let output = output.get_mut(..length).ok_or(Error::OutputSize)?;
        let mut buffer = self.take(params.block_count());
        let argon2 = Argon2::new(algorithm, version, params.clone());
        let hashed = argon2.hash_password_into_with_memory(password, salt, output, &mut buffer);
        self.keep(buffer);
        hashed?;
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(&params)?,
            salt: Some(Salt::new(salt)?),
            hash: Some(Output::new(output)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::PasswordHasher;

    fn params() -> Params {
        Params::new(64, 2, 1, None).unwrap()
    }

    #[test]
    fn it_is_the_librarys_own_hash() {
        let memory = Memory::default();
        let theirs: PasswordHash = Argon2::from(params())
            .hash_password_with_salt(b"password", b"a salt of sixteen")
            .unwrap();
        for _ in 0..2 {
            let ours = hash(&memory, &params(), b"password", b"a salt of sixteen").unwrap();
            assert_eq!(ours, theirs.to_string(), "in new memory and in used");
        }
        assert!(is_of(&memory, b"password", &theirs.to_string()).unwrap());
        assert!(!is_of(&memory, b"Password", &theirs.to_string()).unwrap());
        assert!(is_of(&memory, b"password", "$argon2id$v=19$damaged").is_err());
        assert!(is_of(&memory, b"password", "").is_err());
    }

    #[test]
    fn memory_is_kept_while_it_is_used() {
        let memory = Memory::default();
        let kept = || memory.0.lock().unwrap().buffers.len();
        for _ in 0..3 {
            hash(&memory, &params(), b"password", b"a salt of sixteen").unwrap();
        }
        assert_eq!(kept(), 1);
        memory.release_unused();
        assert_eq!(kept(), 1, "it was used of late");
        memory.release_unused();
        assert_eq!(kept(), 0);
    }

    #[test]
    fn hashes_of_another_cost_are_not_current() {
        let memory = Memory::default();
        let today = hash(&memory, &params(), b"password", b"a salt of sixteen").unwrap();
        assert!(is_current(&params(), &today));
        assert!(!is_current(&Params::new(64, 3, 1, None).unwrap(), &today));
        assert!(!is_current(
            &params(),
            &today.replace("argon2id", "argon2i")
        ));
        assert!(!is_current(&params(), "nonsense"));
    }
}
