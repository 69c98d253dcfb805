//! Exact sets of numbers, sparse over 128 bits, with a fast search for gaps.

use std::net::IpAddr;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync as Map;
use std::ops::Bound;

const WORDS: usize = 64;
const CHUNK: u128 = (WORDS as u128) * 64;

/// A set of addresses or ports. 4,096 numbers a chunk: a full /12 takes 128 KiB and 256 steps to find full, an IPv6
/// range costs only what is taken from it. Clones share chunks.
#[derive(Clone, Default)]
pub struct Occupancy {
    /// Keyed by (is IPv6, number / 4,096).
    chunks: Map<(bool, u128), Arc<Chunk>>,
}

#[derive(Clone)]
struct Chunk {
    words: [u64; WORDS],
    count: u32,
}

impl Occupancy {
    /// Adds an address.
    pub fn insert_address(&mut self, address: IpAddr) {
        self.set(number(address), true);
    }

    /// Takes an address away.
    pub fn remove_address(&mut self, address: IpAddr) {
        self.set(number(address), false);
    }

    /// Adds a port.
    pub fn insert_port(&mut self, port: u16) {
        self.set((false, port.into()), true);
    }

    /// Takes a port away.
    pub fn remove_port(&mut self, port: u16) {
        self.set((false, port.into()), false);
    }

    fn set(&mut self, (v6, n): (bool, u128), on: bool) {
        let key = (v6, n / CHUNK);
        let (word, bit) = split(n);
        let known = self.chunks.get(&key).map_or(0, |chunk| chunk.words[word]);
        if (known >> bit) & 1 == u64::from(on) {
            return;
        }
        // In its place: a chunk is copied only while a clone shares it.
        let Some(chunk) = self.chunks.get_mut(&key) else {
            let mut words = [0; WORDS];
            words[word] = 1 << bit;
            let first = Chunk { words, count: 1 };
            self.chunks.insert_mut(key, Arc::new(first));
            return;
        };
        let chunk = Arc::make_mut(chunk);
        chunk.words[word] ^= 1 << bit;
        chunk.count = if on { chunk.count + 1 } else { chunk.count - 1 };
        if chunk.count == 0 {
            self.chunks.remove_mut(&key);
        }
    }

    /// How many of first..=last are in the set.
    pub fn count(&self, v6: bool, first: u128, last: u128) -> u64 {
        if first > last {
            return 0;
        }
        let keys = (
            Bound::Included((v6, first / CHUNK)),
            Bound::Included((v6, last / CHUNK)),
        );
        self.chunks
            .range(keys)
            .map(|((_, key), chunk)| chunk.count_within(key * CHUNK, first, last))
            .sum()
    }

    /// The lowest number of first..=last that is not in the set.
    pub fn first_free(&self, v6: bool, first: u128, last: u128) -> Option<u128> {
        if first > last {
            return None;
        }
        let mut candidate = first;
        let keys = (
            Bound::Included((v6, first / CHUNK)),
            Bound::Included((v6, last / CHUNK)),
        );
        for ((_, key), chunk) in self.chunks.range(keys) {
            let base = key * CHUNK;
            if candidate < base {
                return Some(candidate);
            }
            match chunk.first_free_from(candidate - base) {
                Some(offset) => return Some(base + offset).filter(|n| *n <= last),
                None => candidate = base.checked_add(CHUNK)?,
            }
        }
        Some(candidate).filter(|n| *n <= last)
    }
}

impl Chunk {
    fn first_free_from(&self, offset: u128) -> Option<u128> {
        let (start, bit) = split(offset);
        // Below `bit` everything counts as taken.
        let masked = self.words[start] | ((1u64 << bit) - 1);
        if masked != u64::MAX {
            return Some(place(start, masked.trailing_ones()));
        }
        let later = self.words.iter().enumerate().skip(start + 1);
        later
            .filter(|(_, word)| **word != u64::MAX)
            .map(|(i, word)| place(i, word.trailing_ones()))
            .next()
    }

    fn count_within(&self, base: u128, first: u128, last: u128) -> u64 {
        if first <= base && base + (CHUNK - 1) <= last {
            return self.count.into();
        }
        let (first_word, low) = split(first.saturating_sub(base));
        let (last_word, high) = split((last - base).min(CHUNK - 1));
        let within = first_word..=last_word;
        within
            .map(|word| {
                let above = if word == first_word { low } else { 0 };
                let below = if word == last_word { 63 - high } else { 0 };
                let bits = self.words[word] & (u64::MAX << above) & (u64::MAX >> below);
                u64::from(bits.count_ones())
            })
            .sum()
    }
}

/// Word and bit of a number within its chunk.
fn split(n: u128) -> (usize, u32) {
    let within = (n % CHUNK) as u32;
    ((within / 64) as usize, within % 64)
}

fn place(word: usize, bit: u32) -> u128 {
    (word as u128) * 64 + u128::from(bit)
}

/// An address as a number of its family.
pub(super) fn number(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(v4) => (false, u32::from(v4).into()),
        IpAddr::V6(v6) => (true, v6.into()),
    }
}
