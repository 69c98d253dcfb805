//! Digests of sets of objects.

use std::fmt;

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest as _};

/// 128 bits over a set: the XOR of its members' hashes, so that adding and removing one is the same cheap step.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest([u8; 16]);

impl Digest {
    /// Of the empty set.
    pub const EMPTY: Self = Self([0; 16]);

    /// Hash of one member, given in parts: BLAKE2b-128 over their concatenation.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Blake2b::<U16>::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// Adds a member, or takes it away again.
    pub fn toggle(&mut self, member: Self) {
        for (byte, other) in self.0.iter_mut().zip(member.0) {
            *byte ^= other;
        }
    }

    /// From its 16 bytes; `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // At once: every answer shows an etag, and formatting byte by byte takes longer than hashing.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
        let digits = self
            .0
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        f.write_str(&digits.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_one_digest_whatever_the_order() {
        let (a, b) = (Digest::of(&[b"a"]), Digest::of(&[b"b"]));
        let mut left = a;
        left.toggle(b);
        let mut right = b;
        right.toggle(a);
        assert_eq!(left, right);
        left.toggle(b);
        assert_eq!(left, a);
    }

    #[test]
    fn a_digest_is_shown_in_hexadecimal() {
        let digest = Digest::from_slice(&[
            0x00, 0x0f, 0xf0, 0xab, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x9c,
        ]);
        let text = digest.expect("16 bytes").to_string();
        assert_eq!(text, "000ff0ab00000000000000000000009c");
    }
}
