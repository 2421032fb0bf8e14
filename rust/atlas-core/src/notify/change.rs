//! What subscribers are told, and how much of it is made in advance.

use std::sync::Arc;

use crate::model::{Image, Snapshot};

use super::delta::delta;
use super::message::ProcessEvent;
use super::roster::Batch;

/// What became of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It is there now.
    Loaded,
    /// It is there no more.
    Unloaded,
}

/// An image that was loaded or unloaded. One that moved was unloaded, then loaded.
#[derive(Clone, Debug)]
pub struct Change {
    /// What became of the image.
    pub kind: ChangeKind,
    /// The image: of the snapshot below if it was loaded, of the one before if it was unloaded.
    pub image: Image,
    /// The process after the change.
    pub snapshot: Arc<Snapshot>,
    /// Whether the image was there before anybody asked: part of the list that is delivered first.
    pub initial: bool,
}

/// Which of the things that happen somebody wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Images.
    Changes,
    /// One event.
    Event(ProcessEvent),
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Happening {
    /// An image was loaded or unloaded.
    Change(Change),
    /// The event that was asked for.
    Event,
}

/// Things that happened at once. A copy shares them.
#[derive(Clone, Debug)]
pub enum News {
    /// Every image of a snapshot, for somebody who comes to it.
    Initial(Arc<Snapshot>),
    /// What a new snapshot brings.
    Changes {
        /// The new snapshot.
        snapshot: Arc<Snapshot>,
        /// What was unloaded and loaded, in that order.
        changes: Arc<[(ChangeKind, Image)]>,
    },
    /// An event of the process.
    Event(ProcessEvent),
}

impl News {
    /// What leads from one snapshot to the next.
    #[must_use]
    pub fn between(old: &Arc<Snapshot>, new: &Arc<Snapshot>) -> Self {
        let (unloaded, loaded) = delta(old, new);
        // As the original tells it: what went, from the end of the list, then what came, from its start.
        let unloaded = unloaded.into_iter().rev().map(|image| (ChangeKind::Unloaded, image));
        let changes = unloaded.chain(loaded.into_iter().map(|image| (ChangeKind::Loaded, image))).collect();
        Self::Changes { snapshot: Arc::clone(new), changes }
    }
}

impl Batch for News {
    type Item = Happening;
    type Interest = Interest;

    fn item(&self, index: usize) -> Option<Happening> {
        let change = |kind, image, snapshot: &Arc<Snapshot>, initial| {
            Happening::Change(Change { kind, image, snapshot: Arc::clone(snapshot), initial })
        };
        match self {
            Self::Initial(snapshot) => {
                snapshot.images().get(index).map(|image| change(ChangeKind::Loaded, image, snapshot, true))
            }
            Self::Changes { snapshot, changes } => {
                changes.get(index).map(|(kind, image)| change(*kind, image.clone(), snapshot, false))
            }
            Self::Event(_) => (index == 0).then_some(Happening::Event),
        }
    }

    fn reaches(&self, index: usize) -> bool {
        match self {
            Self::Initial(snapshot) => index < snapshot.images().columns().len(),
            Self::Changes { changes, .. } => index < changes.len(),
            Self::Event(_) => index == 0,
        }
    }

    fn is_for(&self, interest: &Interest) -> bool {
        match self {
            Self::Initial(_) | Self::Changes { .. } => *interest == Interest::Changes,
            Self::Event(event) => *interest == Interest::Event(*event),
        }
    }
}
