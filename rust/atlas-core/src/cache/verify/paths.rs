//! Whether paths lead to images: in the tables of the main file, in the trie, and in the images themselves.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::cache::group::CacheGroup;
use crate::cache::tables::DylibsTrie;

use super::Findings;

/// Most bytes of paths that are looked at: a whole system has about 1 MB in each table, and broken ones can name one long path a
/// million times.
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
            if let Some(other) = other.filter(|other| *other != own) {
                let said = |path: Option<&[u8]>| {
                    path.map_or_else(|| "no path".to_owned(), |path| format!("the path {}", shown(path)))
                };
                findings.add(|| format!("images[{index}]: has {}, and in imagesText {}", said(own), said(other)));
            }
            // Without any, the scavenger has said so.
            let Some(path) = own else {
                rows.push((image.address.0, None));
                continue;
            };
            let path = shown(path);
            rows.push((image.address.0, Some(path.clone())));
            match paths.images.entry(path) {
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

    /// The paths of the trie, and where it says something else than the table of images, whose `rows` are addresses and paths.
    fn add_trie(&mut self, group: &CacheGroup, rows: &[(u64, Option<String>)], findings: &mut Findings) {
        // It may lie in what is missing.
        let trie = match DylibsTrie::of(group) {
            Ok(Some(trie)) => trie.paths(),
            Ok(None) => return,
            Err(error) => {
                self.complete = false;
                if group.missing().is_empty() {
                    findings.add(|| error.to_string());
                }
                return;
            }
        };
        let known = self.images.len();
        let mut found = HashMap::with_capacity(trie.entries.len());
        for (path, position) in trie.entries {
            let Some((address, _)) = usize::try_from(position).ok().and_then(|position| rows.get(position)) else {
                continue;
            };
            if let Some(own) = self.images.get(&path).filter(|own| *own != address) {
                findings.add(|| {
                    format!("dylibsTrie: {path} leads to the image at {address:#x}, and that lies at {own:#x}")
                });
            }
            found.insert(path, *address);
        }
        for path in rows.iter().filter_map(|(_, path)| path.as_ref()).filter(|path| !found.contains_key(*path)) {
            // Of a node that is broken, and what hangs on it, that is said.
            if trie.faults.is_empty() {
                findings.add(|| format!("dylibsTrie: lacks {path}"));
            }
        }
        self.complete &= trie.faults.is_empty() && known != 0;
        for fault in trie.faults {
            findings.add(|| fault);
        }
        for (path, address) in found {
            self.images.entry(path).or_insert(address);
        }
    }

    /// Whether `name` is a path of the image at `address`, as far as that can be known.
    pub(super) fn lead_to(&self, name: &[u8], address: u64) -> bool {
        self.images.get(&shown(name)).map_or(!self.complete, |found| *found == address)
    }
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
