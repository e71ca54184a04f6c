//! The hash of everything a client names. The one rule: it is keyed with a secret of the process, which is set before the
//! first hash is computed, or never; so clients can't choose keys that collide, and simulations repeat.

use ahash::{AHasher, RandomState};
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

static KEYS: OnceLock<RandomState> = OnceLock::new();

/// Where nobody sets a seed, in tests and simulations, this is it.
const SEED_OF_TESTS: u64 = 0x726f_7065_7761_6c6b;

/// Key the hash. Returns false if that comes too late, because hashes have been computed, or keyed, already.
pub(crate) fn seed_hashes(seed: u64) -> bool {
    KEYS.set(keys(seed)).is_ok()
}

/// A key's hash.
pub(crate) fn hash_of(key: &[u8]) -> u64 {
    let mut hasher = Keyed.build_hasher();
    hasher.write(key);
    hasher.finish()
}

/// The keyed hash, for maps whose keys clients name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keyed;

impl BuildHasher for Keyed {
    type Hasher = AHasher;

    fn build_hasher(&self) -> AHasher {
        KEYS.get_or_init(|| keys(SEED_OF_TESTS)).build_hasher()
    }
}

/// All four keys from one seed: a generator draws them.
fn keys(seed: u64) -> RandomState {
    let mut random = ropewalk_reactor::random::Random::new(seed);
    let [a, b, c, d] = std::array::from_fn(|_| random.next_u64());
    RandomState::with_seeds(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_that_comes_after_the_first_hash_is_refused() {
        let before = hash_of(b"a key");
        assert!(!seed_hashes(1));
        assert_eq!(hash_of(b"a key"), before);
    }

    #[test]
    fn seeds_give_hashes_of_their_own() {
        let hash = |seed| keys(seed).hash_one(b"a key");
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }

    #[test]
    fn every_bit_of_the_hash_depends_on_the_key() {
        let all = (0..64u32).map(|index| hash_of(&index.to_le_bytes()));
        let (or, and) = all.fold((0, u64::MAX), |(or, and), hash| (or | hash, and & hash));
        assert_eq!((or, and), (u64::MAX, 0));
    }
}
