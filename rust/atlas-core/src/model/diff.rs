//! What was loaded and unloaded between two snapshots.

use std::collections::HashMap;
use std::sync::Arc;

use super::image::Image;
use super::image_set::ImageSet;

/// The difference of two lists of images.
#[derive(Debug, Default)]
pub struct Difference {
    /// In the new list only, in its order.
    pub loaded: Vec<Image>,
    /// In the old list only, in its order.
    pub unloaded: Vec<Image>,
    /// The same file at another address: old, new.
    pub moved: Vec<(Image, Image)>,
}

/// How far ahead the walk looks for the place where the lists meet again, before it leaves an image to the
/// reconciliation.
const LOOK_AHEAD: usize = 16;

/// The difference from `old` to `new`, in O(n + d log d): both lists are walked once side by side, and what does not
/// match on the way, d images, is reconciled by sorting. What is listed does not depend on how well the walk goes;
/// only of loads that a list holds several times it may be another one.
#[must_use]
pub fn diff(old: &Arc<ImageSet>, new: &Arc<ImageSet>) -> Difference {
    let (mut gone, mut come) = unmatched(old, new);
    cancel(old, new, &mut gone, &mut come);
    let mut moved = Vec::new();
    pair_moved(old, new, &mut gone, &mut come, &mut moved);
    let images =
        |set: &Arc<ImageSet>, indices: Vec<usize>| indices.into_iter().filter_map(|index| set.get(index)).collect();
    Difference { loaded: images(new, come), unloaded: images(old, gone), moved }
}

/// Images that the walk could not match: indices in the old and in the new list, ascending.
fn unmatched(old: &Arc<ImageSet>, new: &Arc<ImageSet>) -> (Vec<usize>, Vec<usize>) {
    let (a, b) = (old.columns(), new.columns());
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    let quick = |i: usize, j: usize| a.address.get(i) == b.address.get(j) && a.uuid.get(i) == b.uuid.get(j);
    let same = |i: usize, j: usize| i < a.len() && j < b.len() && quick(i, j) && same_load(old, new, i, j);
    while i < a.len() && j < b.len() {
        if let Some(equal) = a.equal_run(i, b, j) {
            (i, j) = (i + equal, j + equal);
        } else if same(i, j) {
            (i, j) = (i + 1, j + 1);
        } else if let Some(ahead) = (1..LOOK_AHEAD).find(|ahead| same(i, j + ahead) || same(i + ahead, j)) {
            if same(i, j + ahead) {
                come.extend(j..j + ahead);
                j += ahead;
            } else {
                gone.extend(i..i + ahead);
                i += ahead;
            }
        } else {
            gone.push(i);
            come.push(j);
            (i, j) = (i + 1, j + 1);
        }
    }
    gone.extend(i..a.len());
    come.extend(j..b.len());
    (gone, come)
}

/// Whether two images that agree in address and in the bytes of the UUID column are the same load.
fn same_load(old: &Arc<ImageSet>, new: &Arc<ImageSet>, i: usize, j: usize) -> bool {
    match (old.columns().has_uuid(i), new.columns().has_uuid(j)) {
        (true, true) => true,
        (false, false) => matches!((old.get(i), new.get(j)), (Some(a), Some(b)) if a == b),
        _ => false,
    }
}

/// Takes out what is in both lists after all.
fn cancel(old: &Arc<ImageSet>, new: &Arc<ImageSet>, gone: &mut Vec<usize>, come: &mut Vec<usize>) {
    remove_pairs(old, new, gone, come, Image::clone, |_, _| ());
}

/// Takes out what is the same file at another address. A file without UUID and path is nobody's equal.
fn pair_moved(
    old: &Arc<ImageSet>,
    new: &Arc<ImageSet>,
    gone: &mut Vec<usize>,
    come: &mut Vec<usize>,
    moved: &mut Vec<(Image, Image)>,
) {
    let file = |image: &Image| match (image.uuid(), image.path()) {
        (Some(uuid), _) => (Some(uuid), None, 0),
        (None, Some(path)) => (None, Some(path.to_bytes().into_owned()), 0),
        (None, None) => (None, None, image.address().0),
    };
    remove_pairs(old, new, gone, come, file, |old, new| moved.push((old, new)));
}

/// Pairs elements of equal key, in order, removes them from both lists and shows them to `pair`.
fn remove_pairs<K: std::hash::Hash + Eq>(
    old: &Arc<ImageSet>,
    new: &Arc<ImageSet>,
    gone: &mut Vec<usize>,
    come: &mut Vec<usize>,
    key: impl Fn(&Image) -> K,
    mut pair: impl FnMut(Image, Image),
) {
    if gone.is_empty() || come.is_empty() {
        return;
    }
    let mut waiting: HashMap<K, std::collections::VecDeque<usize>> = HashMap::new();
    for &index in come.iter() {
        if let Some(image) = new.get(index) {
            waiting.entry(key(&image)).or_default().push_back(index);
        }
    }
    let mut taken = Vec::new();
    gone.retain(|&index| {
        let Some(image) = old.get(index) else { return false };
        match waiting.get_mut(&key(&image)).and_then(std::collections::VecDeque::pop_front) {
            Some(other) => {
                taken.push(other);
                if let Some(new) = new.get(other) {
                    pair(image, new);
                }
                false
            }
            None => true,
        }
    });
    taken.sort_unstable();
    come.retain(|index| taken.binary_search(index).is_err());
}
