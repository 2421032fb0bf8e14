//! The one error of the crate: what is wrong, and where.
//!
//! An error is made on a cold path, so it may allocate; `Result` stays one pointer wide.

use std::borrow::Cow;
use std::fmt;

use crate::identifier::FileIdentifier;

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong. Each kind has its own stable [`ErrorKind::code`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An Apple Archive or its container is not well formed, or its checksum is wrong.
    Archive(Mismatch),
    /// A binary property list is not well formed.
    Plist(Mismatch),
    /// A record lacks a key, or a key has the wrong type or a value that cannot be.
    Schema(Mismatch),
    /// A Mach-O file is not well formed.
    MachO(Mismatch),
    /// A shared cache or its record does not fit together.
    Cache(Mismatch),
    /// A bound of [`crate::Limits`] would be exceeded.
    Limit {
        /// What is bounded, in words.
        what: &'static str,
        /// The bound.
        limit: u64,
        /// What the input asks for.
        requested: u64,
    },
    /// No provider had the file.
    MissingData(FileIdentifier),
    /// Nothing is mapped at the address.
    UnmappedAddress(u64),
    /// The operating system refused a file.
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}

impl ErrorKind {
    /// The stable number of the kind; never reused.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::Archive(_) => 1,
            Self::Plist(_) => 2,
            Self::Schema(_) => 3,
            Self::MachO(_) => 4,
            Self::Cache(_) => 5,
            Self::Limit { .. } => 6,
            Self::MissingData(_) => 7,
            Self::UnmappedAddress(_) => 8,
            Self::Io { .. } => 15,
        }
    }
}

/// What a reader wanted and what stood there.
#[derive(Debug)]
pub struct Mismatch {
    /// What would have been right.
    pub expected: Cow<'static, str>,
    /// What is there.
    pub found: Cow<'static, str>,
}

/// Where: archive entry, then key path in its property list, then byte offset within the entry.
#[derive(Debug, Default, Clone)]
pub struct Location {
    /// The path of the archive entry.
    pub entry: Option<String>,
    /// The path of keys, as in `imgs[1207].segs[2].padr`.
    pub key_path: Option<String>,
    /// The offset in bytes within the entry, or within the whole input where there is no entry.
    pub offset: Option<u64>,
}

#[derive(Debug)]
struct Parts {
    kind: ErrorKind,
    at: Location,
    hint: Option<Cow<'static, str>>,
}

/// What is wrong, and where.
#[derive(Debug)]
pub struct Error(Box<Parts>);

impl Error {
    /// An error without a place yet.
    #[must_use]
    #[cold]
    pub fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Parts { kind, at: Location::default(), hint: None }))
    }

    /// An archive error at a byte offset.
    #[cold]
    pub fn archive(offset: usize, expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Archive(Mismatch { expected: expected.into(), found: found.into() })).at_offset(offset)
    }

    /// A property-list error at a byte offset.
    #[cold]
    pub fn plist(offset: usize, expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Plist(Mismatch { expected: expected.into(), found: found.into() })).at_offset(offset)
    }

    /// A schema error; the place is added by whoever knows it.
    #[cold]
    pub fn schema(expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Schema(Mismatch { expected: expected.into(), found: found.into() }))
    }

    /// A Mach-O error at a byte offset.
    #[cold]
    pub fn macho(offset: usize, expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::MachO(Mismatch { expected: expected.into(), found: found.into() })).at_offset(offset)
    }

    /// A shared-cache error.
    #[cold]
    pub fn cache(expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Cache(Mismatch { expected: expected.into(), found: found.into() }))
    }

    /// A bound that would be exceeded.
    #[cold]
    #[must_use]
    pub fn limit(what: &'static str, limit: u64, requested: u64) -> Self {
        Self::new(ErrorKind::Limit { what, limit, requested })
    }

    /// A file that the operating system refused.
    #[cold]
    pub fn io(path: impl Into<std::path::PathBuf>, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io { path: path.into(), source })
    }

    /// Adds the archive entry, unless a deeper layer named one.
    #[must_use]
    pub fn in_entry(mut self, entry: &str) -> Self {
        self.0.at.entry.get_or_insert_with(|| entry.to_owned());
        self
    }

    /// Adds the key path, unless a deeper layer named one.
    #[must_use]
    pub fn at_key(mut self, key_path: impl Into<String>) -> Self {
        self.0.at.key_path.get_or_insert_with(|| key_path.into());
        self
    }

    /// Adds the byte offset, unless a deeper layer named one.
    #[must_use]
    pub fn at_offset(mut self, offset: usize) -> Self {
        self.0.at.offset.get_or_insert(offset as u64);
        self
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.0.at
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.0.at;
        if let Some(entry) = &at.entry {
            write!(f, "{entry}: ")?;
        }
        if let Some(key_path) = &at.key_path {
            write!(f, "{key_path}: ")?;
        }
        match &self.0.kind {
            ErrorKind::Archive(m)
            | ErrorKind::Plist(m)
            | ErrorKind::Schema(m)
            | ErrorKind::MachO(m)
            | ErrorKind::Cache(m) => {
                write!(f, "expected {}, found {}", m.expected, m.found)?;
            }
            ErrorKind::Limit { what, limit, requested } => {
                write!(f, "{what}: the limit is {limit}, the input asks for {requested}")?;
            }
            ErrorKind::MissingData(identifier) => write!(f, "no provider has {identifier}")?,
            ErrorKind::UnmappedAddress(address) => write!(f, "nothing is mapped at {address:#x}")?,
            ErrorKind::Io { path, source } => write!(f, "{}: {source}", path.display())?,
        }
        if let Some(offset) = at.offset {
            write!(f, " at offset {offset:#x}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
