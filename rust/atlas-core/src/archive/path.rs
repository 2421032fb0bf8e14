//! Paths as bytes, compared by what they mean lexically; no file system is asked.

use std::hash::{BuildHasher, Hasher};

/// A path's components from the last to the first: empty ones and `.` left out, `..` resolved.
#[derive(Clone, Copy)]
struct Backward<'a> {
    rest: &'a [u8],
    /// `..` seen that still wait for the component that they undo.
    up: usize,
    absolute: bool,
}

#[derive(PartialEq, Eq)]
enum Step<'a> {
    Component(&'a [u8]),
    Start,
    /// The path leads above where it begins. At the root of an absolute path `..` stays at the root.
    Above,
}

impl<'a> Backward<'a> {
    fn new(path: &'a [u8]) -> Self {
        Self { rest: path, up: 0, absolute: path.first() == Some(&b'/') }
    }

    fn step(&mut self) -> Step<'a> {
        while !self.rest.is_empty() {
            let (before, component) = match self.rest.iter().rposition(|&byte| byte == b'/') {
                Some(slash) => {
                    let (before, from_slash) = self.rest.split_at_checked(slash).unwrap_or_default();
                    (before, from_slash.get(1..).unwrap_or_default())
                }
                None => (&[][..], self.rest),
            };
            self.rest = before;
            match component {
                b"" | b"." => {}
                b".." => self.up = self.up.saturating_add(1),
                _ if self.up > 0 => self.up = self.up.saturating_sub(1),
                component => return Step::Component(component),
            }
        }
        if self.up > 0 && !self.absolute { Step::Above } else { Step::Start }
    }
}

/// Whether two paths are the same after lexical normalisation. A relative one that leads above its start is the same
/// as none, itself included; an absolute one is never the same as a relative one.
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    let (mut left, mut right) = (Backward::new(left), Backward::new(right));
    if left.absolute != right.absolute {
        return false;
    }
    loop {
        match (left.step(), right.step()) {
            (Step::Component(a), Step::Component(b)) if a == b => {}
            (Step::Start, Step::Start) => return true,
            _ => return false,
        }
    }
}

/// A hash that paths have in common if they are the [`same`]; `None` for one that is the same as none.
pub(super) fn hash(path: &[u8], keys: &impl BuildHasher) -> Option<u64> {
    let mut backward = Backward::new(path);
    let mut hasher = keys.build_hasher();
    hasher.write_u8(u8::from(backward.absolute));
    loop {
        match backward.step() {
            Step::Component(component) => {
                hasher.write(component);
                hasher.write_u8(b'/');
            }
            Step::Start => return Some(hasher.finish()),
            Step::Above => return None,
        }
    }
}

/// Writes where a link leads into `joined`: its target, seen from the directory that the link lies in.
pub(super) fn join(link: &[u8], target: &[u8], joined: &mut Vec<u8>) {
    joined.clear();
    if target.first() != Some(&b'/') {
        joined.extend_from_slice(link);
        joined.extend_from_slice(b"/../");
    }
    joined.extend_from_slice(target);
}
