//! Keys that stand in a record and are not read here: what a newer dyld adds is kept and shown.

use crate::bplist::{Object, Pairs, View};

/// A key that this version does not know, by the references of the key and of its value in the property list of the
/// record. The key need not be a string, nor the value readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// The key.
    pub key: u32,
    /// Its value.
    pub value: u32,
}

/// What an image has that is not read here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownOfImage {
    /// Its own keys.
    pub image: Vec<UnknownKey>,
    /// Those of each of its segments, in the order in which these are shown.
    pub segments: Vec<Vec<UnknownKey>>,
}

/// What a file of a cache has that is not read here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownOfSubCache {
    /// Its own keys.
    pub subcache: Vec<UnknownKey>,
    /// Those of each of its mappings, in their order.
    pub mappings: Vec<Vec<UnknownKey>>,
}

/// The keys of `pairs` that are none of `known`, in file order.
pub(super) fn among(view: View<'_>, pairs: Pairs<'_>, known: &[&str]) -> Vec<UnknownKey> {
    let unknown = pairs.iter().filter_map(|pair| {
        let (key, value) = pair.ok()?;
        let is_known = view.object(key).is_ok_and(|key| known.iter().any(|known| key.is_text(known)));
        (!is_known).then_some(UnknownKey { key, value })
    });
    unknown.collect()
}

/// The keys of the dictionary at `position` that are none of `known`.
pub(super) fn at(view: View<'_>, position: usize, known: &[&str]) -> Vec<UnknownKey> {
    match view.object_at(position) {
        Ok(Object::Dictionary(pairs)) => among(view, pairs, known),
        _ => Vec::new(),
    }
}
