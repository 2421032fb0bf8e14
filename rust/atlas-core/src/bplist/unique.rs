//! Finds a scalar that was written already: hash tables of object numbers, which own no copy of the objects.
//!
//! What goes into a property list may be chosen by an adversary, so every hash is keyed at random and its bound is
//! proven: two different keys meet in one slot with a probability near `1 / slots`, whoever chose them.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;

/// The Mersenne prime 2^61 - 1.
const PRIME: u64 = (1 << 61) - 1;

/// The seven low bytes: a coefficient of fewer than 61 bits, so that different bytes differ modulo the prime.
const COEFFICIENT: u64 = (1 << 56) - 1;

/// Slots of an empty table.
const SMALLEST: usize = 64;

/// An open-addressing table. A key is the whole scalar (`u64`) or its hash (`u32`).
struct Table<K> {
    slots: Vec<(K, Option<NonZeroU32>)>,
    used: usize,
}

impl<K: Copy + Default + PartialEq> Table<K> {
    fn new() -> Self {
        Self { slots: vec![(K::default(), None); SMALLEST], used: 0 }
    }

    /// The object of this key for which `same` holds, or else `None` after `object` took its place.
    #[inline]
    fn find_or_add(
        &mut self,
        key: K,
        object: NonZeroU32,
        hash: impl Fn(K) -> u32,
        same: impl Fn(NonZeroU32) -> bool,
    ) -> Option<NonZeroU32> {
        let mask = self.slots.len() - 1;
        let mut at = hash(key) as usize & mask;
        while let Some((other, Some(found))) = self.slots.get(at) {
            if *other == key && same(*found) {
                return Some(*found);
            }
            at = (at + 1) & mask;
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = (key, Some(object));
        }
        self.used += 1;
        if self.used > self.slots.len() / 8 * 5 {
            self.grow(hash);
        }
        None
    }

    /// How many steps it takes to find each key once.
    #[cfg(test)]
    fn steps(&self, hash: impl Fn(K) -> u32) -> usize {
        let mask = self.slots.len() - 1;
        let taken = self.slots.iter().enumerate().filter(|(_, slot)| slot.1.is_some());
        taken.map(|(at, slot)| 1 + (at.wrapping_sub(hash(slot.0) as usize) & mask)).sum()
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, hash: impl Fn(K) -> u32) {
        let mut slots = vec![(K::default(), None); self.slots.len() * 2];
        let mask = slots.len() - 1;
        for slot in self.slots.iter().filter(|slot| slot.1.is_some()) {
            let mut at = hash(slot.0) as usize & mask;
            while slots.get(at).is_some_and(|other| other.1.is_some()) {
                at = (at + 1) & mask;
            }
            if let Some(free) = slots.get_mut(at) {
                *free = *slot;
            }
        }
        self.slots = slots;
    }
}

/// The random numbers of one writer.
#[derive(Clone, Copy)]
struct Keys {
    addends: [u64; 3],
    point: u64,
    factor: u64,
}

impl Keys {
    /// Multiply-shift over the two halves (Thorup, "High Speed Hashing for Integers and Strings", 2015): one
    /// multiplication, strongly universal.
    #[inline]
    fn hash_word(&self, word: u64) -> u32 {
        let [a, b, c] = self.addends;
        let product = a.wrapping_add(word >> 32).wrapping_mul(b.wrapping_add(word & 0xFFFF_FFFF));
        (product.wrapping_add(c) >> 32) as u32
    }

    /// A polynomial over the field of 2^61 - 1, then one more multiplication (Carter and Wegman, 1979). The length
    /// takes part, so zeros at the end count.
    #[inline]
    fn hash_bytes(&self, mut bytes: &[u8]) -> u32 {
        let mut sum = bytes.len() as u64 & COEFFICIENT;
        while let (Some(eight), Some(rest)) = (bytes.first_chunk::<8>(), bytes.get(7..)) {
            sum = multiply(sum + (u64::from_le_bytes(*eight) & COEFFICIENT), self.point);
            bytes = rest;
        }
        sum = multiply(sum + word(bytes), self.point);
        (multiply(sum, self.factor) >> 29) as u32
    }
}

/// `a * b` modulo the prime, or up to three more than that. Both must be below 2^62.
#[inline]
fn multiply(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let sum = (product as u64 & PRIME) + (product >> 61) as u64;
    (sum & PRIME) + (sum >> 61)
}

/// Up to eight bytes as a number.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    if let Ok(four) = bytes.try_into() {
        return u64::from(u32::from_le_bytes(four));
    }
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_le_bytes(word)
}

/// The scalars written so far. Integers and short strings, nearly all that an atlas holds, are found without a look
/// at the written bytes.
pub(super) struct Unique {
    keys: Keys,
    integers: Table<u64>,
    short: Table<u64>,
    others: Table<u32>,
}

impl Unique {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        let field = |number: u8| random.hash_one(number) % (PRIME - 1) + 1;
        let addends = [random.hash_one(2_u8), random.hash_one(3_u8), random.hash_one(4_u8)];
        Self {
            keys: Keys { addends, point: field(0), factor: field(1) },
            integers: Table::new(),
            short: Table::new(),
            others: Table::new(),
        }
    }

    /// How many steps it takes to find each integer once.
    #[cfg(test)]
    pub(super) fn integer_steps(&self) -> usize {
        self.integers.steps(|key| self.keys.hash_word(key))
    }

    /// The object of this integer, or else `None` after `object` became it.
    #[inline]
    pub(super) fn integer(&mut self, value: i64, object: NonZeroU32) -> Option<NonZeroU32> {
        let keys = self.keys;
        self.integers.find_or_add(value.cast_unsigned(), object, |key| keys.hash_word(key), |_| true)
    }

    /// The object of this string marked as ASCII, of at most seven bytes, or else `None` after `object` became it.
    #[inline]
    pub(super) fn short_text(&mut self, text: &[u8], object: NonZeroU32) -> Option<NonZeroU32> {
        let keys = self.keys;
        let key = word(text) | (text.len() as u64) << 56;
        self.short.find_or_add(key, object, |key| keys.hash_word(key), |_| true)
    }

    /// The object of these written bytes, or else `None` after `object` became it; `same` looks at a candidate.
    #[inline]
    pub(super) fn other(
        &mut self,
        bytes: &[u8],
        object: NonZeroU32,
        same: impl Fn(NonZeroU32) -> bool,
    ) -> Option<NonZeroU32> {
        self.others.find_or_add(self.keys.hash_bytes(bytes), object, |hash| hash, same)
    }
}
