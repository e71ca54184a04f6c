//! Passwords: only their SHA-256 is kept. The one rule: how long a comparison takes tells nothing about
//! what is compared.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The SHA-256 of a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hash([u8; 32]);

impl Hash {
    /// Of a password.
    pub(crate) fn of(password: &[u8]) -> Self {
        Self(Sha256::digest(password).into())
    }

    /// From its 64 hexadecimal digits, in small letters.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (digits, rest) = text.as_chunks::<2>();
        let digits: &[[u8; 2]; 32] = digits.try_into().ok().filter(|_| rest.is_empty())?;
        let mut hash = [0; 32];
        for (byte, [high, low]) in hash.iter_mut().zip(digits) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(hash))
    }

    /// The hexadecimal digits.
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether it is one of these. All of them are looked at.
    pub(crate) fn is_among(&self, hashes: &[Self]) -> bool {
        hashes.iter().fold(Choice::from(0), |found, hash| found | hash.0.ct_eq(&self.0)).into()
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash")
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte & 0x0f),
        b'a'..=b'f' => Some((byte & 0x0f).wrapping_add(9)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_was_printed() {
        let hash = Hash::of(b"foo");
        let text = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
        assert_eq!(hash.text(), text);
        assert_eq!(Hash::parse(text.as_bytes()), Some(hash));
        for wrong in ["", "2c", &text.to_uppercase(), &text.replace('2', "g"), &format!("{text}0")] {
            assert_eq!(Hash::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_password_is_found_among_others() {
        let hashes = [Hash::of(b"a"), Hash::of(b"b")];
        assert!(Hash::of(b"b").is_among(&hashes));
        assert!(!Hash::of(b"").is_among(&hashes));
        assert!(!Hash::of(b"a").is_among(&[]));
    }
}
