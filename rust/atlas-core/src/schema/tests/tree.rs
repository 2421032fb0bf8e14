//! Property lists as trees that can be changed by key path, and written with offsets and references of any width.

use std::collections::HashMap;
use std::sync::Arc;

/// An object that is still to be written.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// In the fewest bytes.
    Int(i128),
    /// In 16 bytes.
    Wide(i128),
    Data(Vec<u8>),
    Text(String),
    Utf16(String),
    True,
    Array(Vec<Tree>),
    Dict(Vec<(Tree, Tree)>),
    /// Written once, whatever names it.
    Shared(Arc<Tree>),
    /// A reference to no object.
    Dangling,
}

/// One step of a key path.
#[derive(Debug)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// The steps of a path as errors spell it, `imgs[7].segs[2].padr`.
pub(crate) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let mut pieces = part.split('[');
        steps.extend(pieces.next().filter(|key| !key.is_empty()).map(|key| Step::Key(key.to_owned())));
        steps.extend(pieces.map(|index| Step::Index(index.trim_end_matches(']').parse().unwrap())));
    }
    steps
}

pub(crate) fn text(text: &str) -> Tree {
    Tree::Text(text.to_owned())
}

pub(crate) fn dict<const N: usize>(pairs: [(&str, Tree); N]) -> Tree {
    Tree::Dict(pairs.into_iter().map(|(key, value)| (text(key), value)).collect())
}

impl Tree {
    pub(crate) fn items(&mut self) -> &mut Vec<Tree> {
        match self {
            Self::Array(items) => items,
            other => panic!("no array: {other:?}"),
        }
    }

    pub(crate) fn pairs(&mut self) -> &mut Vec<(Tree, Tree)> {
        match self {
            Self::Dict(pairs) => pairs,
            other => panic!("no dictionary: {other:?}"),
        }
    }

    /// What stands at `path`.
    pub(crate) fn at(&mut self, path: &str) -> &mut Tree {
        let mut tree = self;
        for step in steps(path) {
            tree = match step {
                Step::Index(index) => &mut tree.items()[index],
                Step::Key(key) => {
                    let pairs = tree.pairs();
                    let place = pairs.iter().position(|(own, _)| own.is(&key)).unwrap_or_else(|| {
                        pairs.push((text(&key), Tree::True));
                        pairs.len() - 1
                    });
                    &mut pairs[place].1
                }
            };
        }
        tree
    }

    /// The tree with another value at `path`.
    pub(crate) fn with(&self, path: &str, value: Tree) -> Tree {
        let mut tree = self.clone();
        *tree.at(path) = value;
        tree
    }

    /// The tree without the last key of `path`.
    pub(crate) fn without(&self, path: &str) -> Tree {
        let mut tree = self.clone();
        let (parent, key) = parent(path);
        tree.at(parent).pairs().retain(|(own, _)| !own.is(key));
        tree
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Text(text) | Self::Utf16(text) if text == name)
    }

    /// With the widths that a reasonable encoder takes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        [(1, 1), (2, 1), (2, 2), (4, 2), (4, 4)].iter().find_map(|&(o, r)| self.encode_with(o, r)).unwrap()
    }

    /// With these widths of offsets and references; `None` where the list is too large for them.
    pub(crate) fn encode_with(&self, offset_width: usize, reference_width: usize) -> Option<Vec<u8>> {
        let mut encoder = Encoder::default();
        let top = encoder.add(self);
        encoder.write(top, offset_width, reference_width)
    }
}

/// The path of the dictionary or array above, and the last step.
pub(crate) fn parent(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

enum Object {
    Whole(Vec<u8>),
    Collection(u8, usize, Vec<u64>),
}

#[derive(Default)]
struct Encoder {
    objects: Vec<Object>,
    texts: HashMap<String, u64>,
    shared: HashMap<*const Tree, u64>,
}

impl Encoder {
    fn push(&mut self, object: Object) -> u64 {
        self.objects.push(object);
        self.objects.len() as u64 - 1
    }

    fn add(&mut self, tree: &Tree) -> u64 {
        let object = match tree {
            Tree::Dangling => return u64::MAX,
            Tree::Shared(shared) => {
                if let Some(known) = self.shared.get(&Arc::as_ptr(shared)) {
                    return *known;
                }
                let reference = self.add(shared);
                self.shared.insert(Arc::as_ptr(shared), reference);
                return reference;
            }
            Tree::Text(text) => {
                if let Some(known) = self.texts.get(text) {
                    return *known;
                }
                let reference = self.push(Object::Whole(counted(0x50, text.len(), text.as_bytes())));
                self.texts.insert(text.clone(), reference);
                return reference;
            }
            Tree::True => Object::Whole(vec![0x09]),
            Tree::Int(number) => Object::Whole(integer(*number)),
            Tree::Wide(number) => Object::Whole([&[0x14], &number.to_be_bytes()[..]].concat()),
            Tree::Data(data) => Object::Whole(counted(0x40, data.len(), data)),
            Tree::Utf16(text) => {
                let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
                Object::Whole(counted(0x60, units.len() / 2, &units))
            }
            Tree::Array(items) => {
                Object::Collection(0xa0, items.len(), items.iter().map(|item| self.add(item)).collect())
            }
            Tree::Dict(pairs) => {
                let mut references: Vec<u64> = pairs.iter().map(|(key, _)| self.add(key)).collect();
                references.extend(pairs.iter().map(|(_, value)| self.add(value)).collect::<Vec<_>>());
                Object::Collection(0xd0, pairs.len(), references)
            }
        };
        self.push(object)
    }

    fn write(&self, top: u64, offset_width: usize, reference_width: usize) -> Option<Vec<u8>> {
        let fits = |number: u64, width: usize| width == 8 || number < 1 << (8 * width);
        let put = |bytes: &mut Vec<u8>, number: u64, width: usize| {
            bytes.extend_from_slice(&number.to_be_bytes()[8 - width..]);
        };
        if !fits(self.objects.len() as u64, reference_width) {
            return None;
        }
        let (mut bytes, mut offsets) = (b"bplist00".to_vec(), Vec::new());
        for object in &self.objects {
            offsets.push(bytes.len() as u64);
            match object {
                Object::Whole(whole) => bytes.extend_from_slice(whole),
                Object::Collection(marker, count, references) => {
                    bytes.extend_from_slice(&counted(*marker, *count, &[]));
                    references.iter().for_each(|reference| put(&mut bytes, *reference, reference_width));
                }
            }
        }
        let table = bytes.len() as u64;
        if !fits(table, offset_width) {
            return None;
        }
        offsets.iter().for_each(|offset| put(&mut bytes, *offset, offset_width));
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, offset_width as u8, reference_width as u8]);
        [self.objects.len() as u64, top, table].iter().for_each(|number| put(&mut bytes, *number, 8));
        Some(bytes)
    }
}

fn integer(number: i128) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let (marker, width) = match number {
        0..=0xff => (0x10, 1),
        0x100..=0xffff => (0x11, 2),
        0x1_0000..=0xffff_ffff => (0x12, 4),
        _ if i64::try_from(number).is_ok() => (0x13, 8),
        _ => (0x14, 16),
    };
    [&[marker], &bytes[16 - width..]].concat()
}

fn counted(marker: u8, count: usize, payload: &[u8]) -> Vec<u8> {
    if count < 15 {
        return [&[marker | count as u8], payload].concat();
    }
    [&[marker | 0xf], &integer(count as i128)[..], payload].concat()
}
