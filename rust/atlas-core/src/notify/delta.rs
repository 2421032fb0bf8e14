//! What was loaded and unloaded between two snapshots of one process: all of it, at every change, while the target
//! waits.
//!
//! `model::diff` compares any two lists. Two snapshots of one process have nearly always the same shared cache at the
//! same place, and then the cache's images need no comparison at all: the process names them by a bitmap, and the bits
//! that differ are the changes. So what is left is one pass over the lists where bits differ, none where they do not,
//! and the own images, which are few.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{Image, ImageSet, Snapshot, diff};

/// Images that are in `old` only and those that are in `new` only, each in the order of its list. An image that moved
/// is in both. O(n + d) for n images and d differences.
pub fn delta(old: &Snapshot, new: &Snapshot) -> (Vec<Image>, Vec<Image>) {
    if !have_one_cache(old.images(), new.images()) {
        let found = diff(old.images(), new.images());
        let (before, after): (Vec<_>, Vec<_>) = found.moved.into_iter().unzip();
        let sorted = |mut images: Vec<Image>, moved: Vec<Image>| {
            images.extend(moved);
            images.sort_unstable_by_key(Image::index);
            images
        };
        return (sorted(found.unloaded, before), sorted(found.loaded, after));
    }
    let (own_old, own_new) = (own_indices(old.images()), own_indices(new.images()));
    let (mut gone, mut come) = own_differences(old.images(), &own_old, new.images(), &own_new);
    if bitmap(old) != bitmap(new) {
        cache_differences(old.images(), new.images(), &mut gone, &mut come);
        gone.sort_unstable_by_key(Image::index);
        come.sort_unstable_by_key(Image::index);
    }
    cancel(&mut gone, &mut come);
    (gone, come)
}

/// Whether the images of the cache are the same in both lists, as far as both have them.
fn have_one_cache(old: &Arc<ImageSet>, new: &Arc<ImageSet>) -> bool {
    match (old.cache(), new.cache()) {
        (Some(old), Some(new)) => Arc::ptr_eq(old.known(), new.known()) && old.slide() == new.slide(),
        (None, None) => true,
        _ => false,
    }
}

fn bitmap(snapshot: &Snapshot) -> &[u8] {
    snapshot.record().cache.as_ref().map_or(&[], |cache| &cache.bitmap)
}

/// Where the images that stand in the record of the process are in a list.
fn own_indices(images: &ImageSet) -> Vec<usize> {
    (0..images.columns().len()).filter(|&index| images.cache_index(index).is_none()).collect()
}

/// Own images of either list that are not in the other at the same place from the start or from the end. What is left
/// may still be in both, in another order.
fn own_differences(
    old: &Arc<ImageSet>,
    own_old: &[usize],
    new: &Arc<ImageSet>,
    own_new: &[usize],
) -> (Vec<Image>, Vec<Image>) {
    let images =
        |set: &Arc<ImageSet>, own: &[usize]| -> Vec<Image> { own.iter().filter_map(|&index| set.get(index)).collect() };
    let (mut gone, mut come) = (images(old, own_old), images(new, own_new));
    let behind = gone.iter().rev().zip(come.iter().rev()).take_while(|(old, new)| old == new).count();
    gone.truncate(gone.len().saturating_sub(behind));
    come.truncate(come.len().saturating_sub(behind));
    let before = gone.iter().zip(&come).take_while(|(old, new)| old == new).count();
    gone.drain(..before);
    come.drain(..before);
    (gone, come)
}

/// Images of the cache that only one of the lists has: both name them in the order of the cache.
fn cache_differences(old: &Arc<ImageSet>, new: &Arc<ImageSet>, gone: &mut Vec<Image>, come: &mut Vec<Image>) {
    let of_cache = |set: &Arc<ImageSet>| {
        let set = Arc::clone(set);
        (0..set.columns().len()).filter_map(move |index| Some((set.cache_index(index)?, set.get(index)?))).peekable()
    };
    let (mut old, mut new) = (of_cache(old), of_cache(new));
    loop {
        let before = old.peek().map(|(index, _)| *index);
        let after = new.peek().map(|(index, _)| *index);
        match (before, after) {
            (None, None) => return,
            (Some(a), Some(b)) if a == b => {
                old.next();
                new.next();
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => gone.extend(old.next().map(|(_, image)| image)),
            _ => come.extend(new.next().map(|(_, image)| image)),
        }
    }
}

/// Takes out what is in both lists after all: own images in another order, or an image that one record has as the
/// process's own and the other as the cache's.
#[allow(clippy::mutable_key_type, reason = "what changes inside a list is made once, and no hash sees it")]
fn cancel(gone: &mut Vec<Image>, come: &mut Vec<Image>) {
    if gone.is_empty() || come.is_empty() {
        return;
    }
    let mut counts: HashMap<Image, usize> = HashMap::new();
    for image in come.iter() {
        let count = counts.entry(image.clone()).or_default();
        *count = count.saturating_add(1);
    }
    let mut both: HashMap<Image, usize> = HashMap::new();
    gone.retain(|image| match counts.get_mut(image) {
        Some(count) if *count > 0 => {
            *count = count.saturating_sub(1);
            let count = both.entry(image.clone()).or_default();
            *count = count.saturating_add(1);
            false
        }
        _ => true,
    });
    come.retain(|image| match both.get_mut(image) {
        Some(count) if *count > 0 => {
            *count = count.saturating_sub(1);
            false
        }
        _ => true,
    });
}
