//! A snapshot as an archive again.

use crate::archive::{ArchiveWriter, is_same_path};
use crate::cache::{self, RecordOrigin};
use crate::compress::Codec;
use crate::error::Result;

use super::snapshot::Snapshot;

impl Snapshot {
    /// The snapshot as an archive that stands alone: every entry as it was, and the record of the cache embedded.
    ///
    /// Entries are copied byte for byte, so that nothing is lost that this library does not know.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Archive`] where an entry carries extended attributes that are malformed.
    pub fn to_bytes(&self, codec: Option<Codec>) -> Result<Vec<u8>> {
        let mut writer = ArchiveWriter::new();
        let found_elsewhere = self.shared_cache().filter(|cache| cache.known().origin() != RecordOrigin::Embedded);
        let embedded_at = found_elsewhere.map(|cache| cache::entry_path(cache.uuid()));
        for entry in self.archive().entries() {
            // A record that was found elsewhere was preferred to the embedded one; so it is what is written.
            let replaced =
                embedded_at.as_deref().zip(entry.path()).is_some_and(|(path, own)| is_same_path(own, path.as_bytes()));
            if !replaced {
                writer.add_entry(&entry)?;
            }
        }
        if let (Some(cache), Some(path)) = (found_elsewhere, &embedded_at) {
            let leaf = cache.leaf();
            if self.archive().find(&cache::name_path(&leaf)).is_none() {
                cache::add_name(&mut writer, &leaf, path)?;
            }
            writer.add_file(path.as_bytes(), cache.known().atlas_plist(&leaf)?)?;
        }
        writer.to_bytes(codec)
    }
}
