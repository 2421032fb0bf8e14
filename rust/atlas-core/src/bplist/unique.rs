//! Finds an object that was written already: a hash table of object numbers, which owns no copy of the objects.
//!
//! What goes into a property list may be chosen by an adversary, so the hash is keyed at random and its bound is
//! proven: a polynomial over the field of 2^61 - 1, then one more multiplication (Carter and Wegman, 1979). Two
//! objects of `n` bytes meet in one slot with a probability near `1 / slots`, whoever chose them.

use std::hash::{BuildHasher, RandomState};

/// The Mersenne prime 2^61 - 1.
const PRIME: u64 = (1 << 61) - 1;

/// The seven low bytes: one coefficient has fewer than 61 bits, so that different bytes differ modulo the prime.
const COEFFICIENT: u64 = (1 << 56) - 1;

const SMALLEST: usize = 64;

#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    object: Option<std::num::NonZeroU32>,
}

const FREE: Slot = Slot { hash: 0, object: None };

/// A set of object numbers, keyed by what the objects hold. The first object has the number 1.
pub(super) struct Unique {
    slots: Vec<Slot>,
    used: usize,
    point: u64,
    factor: u64,
}

/// `a * b` modulo the prime, or up to three more than that. Both must be below 2^62.
#[inline]
fn multiply(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let sum = (product as u64 & PRIME) + (product >> 61) as u64;
    (sum & PRIME) + (sum >> 61)
}

impl Unique {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        let key = |number: u8| random.hash_one(number) % (PRIME - 1) + 1;
        Self { slots: vec![FREE; SMALLEST], used: 0, point: key(0), factor: key(1) }
    }

    /// The keyed hash of an object's bytes. The length takes part, so zeros at the end count.
    #[inline]
    pub(super) fn hash(&self, mut bytes: &[u8]) -> u32 {
        let mut sum = bytes.len() as u64 & COEFFICIENT;
        while let (Some(eight), Some(rest)) = (bytes.first_chunk::<8>(), bytes.get(7..)) {
            sum = multiply(sum + (u64::from_le_bytes(*eight) & COEFFICIENT), self.point);
            bytes = rest;
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(bytes) {
            *to = *from;
        }
        sum = multiply(sum + u64::from_le_bytes(last), self.point);
        (multiply(sum, self.factor) >> 29) as u32
    }

    /// The object of this hash that is the `same`, or else `None` after `object` took its place.
    #[inline]
    pub(super) fn find_or_add(
        &mut self,
        hash: u32,
        object: std::num::NonZeroU32,
        same: impl Fn(std::num::NonZeroU32) -> bool,
    ) -> Option<std::num::NonZeroU32> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(Slot { hash: other, object: Some(found) }) = self.slots.get(at) {
            if *other == hash && same(*found) {
                return Some(*found);
            }
            at = (at + 1) & mask;
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot { hash, object: Some(object) };
        }
        self.used += 1;
        if self.used > self.slots.len() / 2 {
            self.grow();
        }
        None
    }

    #[cold]
    fn grow(&mut self) {
        let mut slots = vec![FREE; self.slots.len() * 2];
        let mask = slots.len() - 1;
        for slot in self.slots.iter().filter(|slot| slot.object.is_some()) {
            let mut at = slot.hash as usize & mask;
            while slots.get(at).is_some_and(|other| other.object.is_some()) {
                at = (at + 1) & mask;
            }
            if let Some(free) = slots.get_mut(at) {
                *free = *slot;
            }
        }
        self.slots = slots;
    }
}
