//! Tries: names to small payloads, as dyld writes them for exports, and for the paths in a shared cache.
//!
//! A node is the size of its payload (ULEB128), the payload, the number of children (one byte), and for each the bytes
//! of its edge up to a NUL and the offset of its node (ULEB128) from the start of the trie.

use std::borrow::Cow;

use crate::bytes::Cursor;
use crate::error::{Error, Result};

/// The longest name that is followed.
const LONGEST_NAME: usize = 1 << 16;
/// Faults beyond these are not kept.
const MOST_FAULTS: usize = 32;
/// Bytes that a walk may read beyond twice the size of the trie. A sound walk reads each byte once at most.
const SPARE: usize = 1 << 12;

/// What takes the names of a trie with their payloads.
type Visit<'v, 'a> = dyn FnMut(&[u8], &'a [u8]) -> Result<()> + 'v;

/// The bytes of a trie, unchecked: every step of a search or a walk is.
#[derive(Clone, Copy, Debug)]
pub struct Trie<'a> {
    bytes: &'a [u8],
}

/// A node whose payload was read.
struct Node<'a> {
    payload: &'a [u8],
    children: u8,
    /// Behind the number of children.
    cursor: Cursor<'a>,
}

/// What is left of a node whose children are walked.
struct Frame<'a> {
    children: u8,
    cursor: Cursor<'a>,
    /// Bytes of the name that leads to the node.
    name: usize,
}

/// An unsigned integer of seven bits in each byte, the lowest first. `None` where it does not end or leaves 64 bits.
pub(crate) fn uleb128(cursor: &mut Cursor<'_>) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = cursor.u8_le()?;
        let bits = u64::from(byte & 0x7f);
        if (bits << shift) >> shift != bits {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cold]
fn fault(offset: usize, expected: impl Into<Cow<'static, str>>, found: &'static str) -> Error {
    Error::macho(offset, expected, found)
}

impl<'a> Trie<'a> {
    /// A trie that takes all of `bytes`, or less.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    fn node(self, offset: usize) -> Result<Node<'a>> {
        let mut cursor = Cursor::at(self.bytes, offset);
        let size = uleb128(&mut cursor).and_then(|size| usize::try_from(size).ok());
        let payload = size.and_then(|size| cursor.take(size));
        let payload = payload.ok_or_else(|| fault(offset, "a node of a trie", "a payload that leaves the trie"))?;
        let children = cursor.u8_le().ok_or_else(|| fault(offset, "a node of a trie", "the end of the trie"))?;
        Ok(Node { payload, children, cursor })
    }

    /// The next edge of a node, and the offset of the node it leads to.
    fn edge(self, cursor: &mut Cursor<'a>) -> Result<(&'a [u8], usize)> {
        let start = cursor.position();
        let rest = self.bytes.get(start..).unwrap_or_default();
        let rest = rest.get(..LONGEST_NAME).unwrap_or(rest);
        let length = rest.iter().position(|byte| *byte == 0);
        let edge = length.and_then(|length| cursor.take(length));
        let edge = edge.ok_or_else(|| fault(start, "the edge of a trie", "bytes without a NUL"))?;
        // An empty edge could lead around in a circle without an end.
        if edge.is_empty() {
            return Err(fault(start, "the edge of a trie", "an empty one"));
        }
        let _nul = cursor.u8_le();
        let target = uleb128(cursor).and_then(|offset| usize::try_from(offset).ok());
        let target = target.filter(|target| *target < self.bytes.len());
        Ok((edge, target.ok_or_else(|| fault(start, "the edge of a trie", "one that leads out of it"))?))
    }

    /// The payload of `name`; `None` where the trie does not hold it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::MachO`] where a node on the way is broken.
    pub fn find(self, name: &[u8]) -> Result<Option<&'a [u8]>> {
        let (mut rest, mut offset, mut read) = (name, 0, 0_usize);
        if self.bytes.is_empty() {
            return Ok(None);
        }
        'nodes: loop {
            let Node { payload, children, mut cursor } = self.node(offset)?;
            if rest.is_empty() {
                return Ok((!payload.is_empty()).then_some(payload));
            }
            for _ in 0..children {
                let before = cursor.position();
                let (edge, target) = self.edge(&mut cursor)?;
                read = read.saturating_add(cursor.position().saturating_sub(before));
                if read > self.bytes.len() {
                    return Err(fault(offset, "a trie", "nodes that overlap"));
                }
                if let Some(after) = rest.strip_prefix(edge) {
                    (rest, offset) = (after, target);
                    continue 'nodes;
                }
            }
            return Ok(None);
        }
    }

    /// Gives each name with its payload to `visit`, in the order of the trie; names are good for that call alone.
    ///
    /// A node that is broken, or that `visit` refuses, is left out with what hangs on it, and the walk goes on. Returned is
    /// what was wrong with those.
    pub fn walk(self, visit: &mut Visit<'_, 'a>) -> Vec<Error> {
        let mut walk = Walk { trie: self, seen: vec![0; self.bytes.len().div_ceil(64)], faults: Vec::new(), visit };
        if !self.bytes.is_empty() {
            walk.run();
        }
        walk.faults
    }
}

/// A walk through all nodes.
struct Walk<'a, 'v> {
    trie: Trie<'a>,
    /// One bit for each offset at which a node was read.
    seen: Vec<u64>,
    faults: Vec<Error>,
    visit: &'v mut Visit<'v, 'a>,
}

impl<'a> Walk<'a, '_> {
    fn run(&mut self) {
        let (mut name, mut frames) = (Vec::new(), Vec::new());
        let mut budget = self.trie.bytes.len().saturating_mul(2).saturating_add(SPARE);
        match self.enter(0, &name) {
            Ok(frame) => frames.push(frame),
            Err(error) => self.faults.push(error),
        }
        while let Some(frame) = frames.last_mut() {
            name.truncate(frame.name);
            let Some(left) = frame.children.checked_sub(1) else {
                frames.pop();
                continue;
            };
            frame.children = left;
            let before = frame.cursor.position();
            let edge = self.trie.edge(&mut frame.cursor);
            budget = budget.saturating_sub(frame.cursor.position().saturating_sub(before));
            let entered = match edge {
                Ok(_) if budget == 0 => {
                    self.faults.push(fault(before, "a trie", "nodes that overlap"));
                    return;
                }
                Ok((edge, _)) if name.len().saturating_add(edge.len()) > LONGEST_NAME => {
                    Err(fault(before, format!("a name of at most {LONGEST_NAME} bytes"), "a longer one"))
                }
                Ok((edge, target)) => {
                    name.extend_from_slice(edge);
                    self.enter(target, &name)
                }
                Err(error) => {
                    // Where the next edge begins is not known.
                    frame.children = 0;
                    Err(error)
                }
            };
            match entered {
                Ok(frame) => frames.push(frame),
                Err(error) if self.faults.len() < MOST_FAULTS => self.faults.push(error),
                Err(_) => {}
            }
        }
    }

    /// Reads the node at `offset`, gives its payload to the visitor, and makes ready for its children.
    fn enter(&mut self, offset: usize, name: &[u8]) -> Result<Frame<'a>> {
        if let Some(bits) = self.seen.get_mut(offset / 64) {
            let bit = 1 << (offset % 64);
            if *bits & bit != 0 {
                return Err(fault(offset, "a node that one edge leads to", "one that several do"));
            }
            *bits |= bit;
        }
        let node = self.trie.node(offset)?;
        if !node.payload.is_empty() {
            (self.visit)(name, node.payload).map_err(|error| error.at_offset(offset))?;
        }
        Ok(Frame { children: node.children, cursor: node.cursor, name: name.len() })
    }
}
