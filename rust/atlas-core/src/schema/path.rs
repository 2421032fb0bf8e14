//! Where in a record one is: a chain on the stack, made into text only for an error.

use std::fmt;

/// A key path, as in `uuids.F702….imgs[7].padr`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path<'p> {
    /// The root dictionary.
    Root,
    /// A value of a dictionary.
    Key(&'p Path<'p>, &'p str),
    /// An element of an array.
    Index(&'p Path<'p>, usize),
}

impl<'p> Path<'p> {
    /// The value of `key` below this.
    pub(super) const fn key(&'p self, key: &'p str) -> Self {
        Self::Key(self, key)
    }

    /// Element `index` of this.
    pub(super) const fn index(&'p self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => f.write_str(key),
            Self::Key(above, key) => write!(f, "{above}.{key}"),
            Self::Index(above, index) => write!(f, "{above}[{index}]"),
        }
    }
}
