//! Whether paths lead to images: in the tables of the main file, in the trie, and in the images themselves.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::cache::group::CacheGroup;
use crate::cache::tables::DylibsTrie;

use super::Findings;

/// Most bytes of paths that are looked at: a whole system has about 1 MB in each table, and broken ones can name one
/// long path a million times.
const MOST_BYTES: usize = 16 << 20;
/// What a path takes beside its text.
const OVERHEAD: usize = 64;

/// Where the image of each path lies, unslid; aliases among them.
pub(super) struct Paths {
    images: HashMap<String, u64>,
    /// Whether it holds every path that there is.
    complete: bool,
}

impl Paths {
    /// Those of the tables and of the trie.
    pub(super) fn of(group: &CacheGroup, findings: &mut Findings) -> Self {
        let main = &group.main().file;
        let mut left = MOST_BYTES;
        let mut paths = Self { images: HashMap::new(), complete: true };
        let (mut rows, mut texts) = (Vec::new(), main.text_infos());
        for (index, image) in main.images().enumerate() {
            let text = texts.next().filter(|text| text.address == image.address);
            let own = main.path_at(image.path_offset);
            let offset = text.map(|text| text.path_offset).filter(|offset| *offset != image.path_offset);
            let other = offset.map(|offset| main.path_at(offset));
            let size = |path: Option<&[u8]>| path.map_or(0, <[u8]>::len);
            let cost = size(own).saturating_add(size(other.flatten())).saturating_add(OVERHEAD);
            let Some(rest) = left.checked_sub(cost) else {
                paths.complete = false;
                break;
            };
            left = rest;
            rows.push(image.address.0);
            if let Some(other) = other.filter(|other| *other != own) {
                let said = |path: Option<&[u8]>| {
                    path.map_or_else(|| "no path".to_owned(), |path| format!("the path {}", shown(path)))
                };
                findings.add(|| format!("images[{index}]: has {}, and in imagesText {}", said(own), said(other)));
            }
            // Without any, the scavenger has said so.
            let Some(path) = own else { continue };
            match paths.images.entry(shown(path)) {
                Entry::Vacant(place) => {
                    place.insert(image.address.0);
                }
                Entry::Occupied(first) if *first.get() != image.address.0 => {
                    let (here, there) = (image.address.0, *first.get());
                    findings.add(|| {
                        format!(
                            "images[{index}]: lies at {here:#x} and has the path {} of the one at {there:#x}",
                            first.key()
                        )
                    });
                }
                Entry::Occupied(_) => {}
            }
        }
        paths.add_trie(group, &rows, findings);
        paths
    }

    /// The paths of the trie, of an image whose address is in `rows`, and what is broken of it. Where they lead is not
    /// held against the table of images: a cache from which an image was taken out keeps the trie of all, and is read
    /// without it.
    fn add_trie(&mut self, group: &CacheGroup, rows: &[u64], findings: &mut Findings) {
        let trie = match DylibsTrie::of(group) {
            Ok(Some(trie)) => trie,
            Ok(None) => return,
            Err(error) => {
                self.complete = false;
                // It may lie in what is missing.
                if group.missing().is_empty() {
                    findings.add(|| error.to_string());
                }
                return;
            }
        };
        for fault in trie.broken_nodes() {
            findings.add(|| fault);
        }
        let known = self.images.len();
        let found = trie.paths();
        for (path, position) in found.entries {
            let address = usize::try_from(position).ok().and_then(|position| rows.get(position));
            if let Some(address) = address {
                self.images.entry(path).or_insert(*address);
            }
        }
        self.complete &= found.faults.is_empty() && known != 0;
    }

    /// Whether `name` is a path of the image at `address`, as far as that can be known.
    pub(super) fn lead_to(&self, name: &[u8], address: u64) -> bool {
        self.images.get(&shown(name)).map_or(!self.complete, |found| *found == address)
    }
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
