//! A hub of numbers, for tests; `tests/loom.rs` uses it with loom's locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::parts::{Batch, Bell, Denied, Hub, Kind, Role};

/// Some numbers, from one on, for those who like them even or odd by their first, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(pub std::ops::Range<u32>);

impl Batch for Numbers {
    type Item = u32;
    type Interest = Option<u32>;

    fn item(&self, index: usize) -> Option<u32> {
        self.0.clone().nth(index)
    }

    fn reaches(&self, index: usize) -> bool {
        self.0.len() > index
    }

    fn is_for(&self, interest: &Option<u32>) -> bool {
        interest.is_none_or(|parity| self.0.start % 2 == parity)
    }
}

/// A bell that can be seen. It is only rung under the lock of a hub, so the standard atomic will do for loom, too.
#[derive(Clone, Default, Debug)]
pub struct Light(Arc<AtomicBool>);

impl Light {
    /// Whether something waits.
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Bell for Light {
    fn ring(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn hush(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// What the hub under test is made of.
pub struct Counting;

impl Kind for Counting {
    type Batch = Numbers;
    type Bell = Light;
    type Failure = i32;
    type Error = &'static str;
}

/// Adds a listener for all numbers.
pub fn register(hub: &Hub<Counting>, role: Role<Light>) -> Result<u64, Denied<i32, &'static str>> {
    let id = hub.reserve();
    hub.register(id, None, role).map(|()| id)
}
