//! What names a file.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;

use uuid::Uuid;

/// The path of a file on the machine that a record came from: text, as a rule, but whatever bytes that machine had.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct FilePath(Vec<u8>);

impl FilePath {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path, where it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// What follows the last slash.
    #[must_use]
    pub fn leaf(&self) -> &[u8] {
        self.0.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }

    /// The path of `name` in the same folder.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        let folder = self.0.len().saturating_sub(self.leaf().len());
        [self.0.get(..folder).unwrap_or_default(), name.as_bytes()].concat().into()
    }

    /// The path, with U+FFFD for what is no text.
    #[must_use]
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

/// A path of this machine, byte by byte where the system has bytes.
impl From<&OsStr> for FilePath {
    fn from(path: &OsStr) -> Self {
        Self(path.as_encoded_bytes().to_owned())
    }
}

impl From<&str> for FilePath {
    fn from(path: &str) -> Self {
        Self(path.as_bytes().to_owned())
    }
}

impl From<Cow<'_, [u8]>> for FilePath {
    fn from(path: Cow<'_, [u8]>) -> Self {
        Self(path.into_owned())
    }
}

impl From<Vec<u8>> for FilePath {
    fn from(path: Vec<u8>) -> Self {
        Self(path)
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_lossy())
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string_lossy(), f)
    }
}

/// A UUID, a path, or both, as dyld names the file behind an image or a cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileIdentifier {
    /// The Mach-O or cache UUID.
    pub uuid: Option<Uuid>,
    /// The path on the machine that the record came from. Never trusted on this one.
    pub path: Option<FilePath>,
}

impl fmt::Display for FileIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.uuid, &self.path) {
            (Some(uuid), Some(path)) => write!(f, "{path} ({:X})", uuid.as_hyphenated()),
            (Some(uuid), None) => write!(f, "{:X}", uuid.as_hyphenated()),
            (None, Some(path)) => path.fmt(f),
            (None, None) => f.write_str("a file without a name"),
        }
    }
}
