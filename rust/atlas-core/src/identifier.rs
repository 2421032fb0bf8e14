//! What names a file.

use uuid::Uuid;

/// A UUID, a path, or both, as dyld names the file behind an image or a cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileIdentifier {
    /// The Mach-O or cache UUID.
    pub uuid: Option<Uuid>,
    /// The path on the machine that the record came from. Never trusted on this one.
    pub path: Option<String>,
}

impl std::fmt::Display for FileIdentifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.uuid, &self.path) {
            (Some(uuid), Some(path)) => write!(f, "{path} ({:X})", uuid.as_hyphenated()),
            (Some(uuid), None) => write!(f, "{:X}", uuid.as_hyphenated()),
            (None, Some(path)) => f.write_str(path),
            (None, None) => f.write_str("a file without a name"),
        }
    }
}
