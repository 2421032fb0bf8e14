//! The writer.

use super::attributes::SIZE_FIELD;
use super::cksum::cksum;
use super::entry::Entry;
use super::field::{FieldValue, Key};
use super::record::{AA01, FIXED};
use super::span::{STAMP_NAME, STAMP_VALUE};
use crate::bytes::Bytes;
use crate::compress::{self, Codec, DEFAULT_BLOCK_SIZE};
use crate::error::{Error, Result};

/// The checksum that a writer puts on each record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stamp {
    /// The extended attribute `com.apple.dyld.crc32c` over the whole record, as dyld 1376 and later.
    #[default]
    Crc32c,
    /// `CKS` over the data of files, as dyld 1284 to 1340. Links have no data and get none.
    Cksum,
    /// Nothing.
    None,
}

/// Assembles an archive: links first, then everything else, both in the order in which they were added; copies of
/// entries keep theirs.
///
/// That is dyld's order; a link therefore stands before what it points to. Fields stand as `TYP PAT [LNK] DAT [CKS]
/// [XAT]`, each in the smallest width that holds its value. Of two entries with one path, readers find the first.
#[derive(Clone, Debug, Default)]
pub struct ArchiveWriter {
    stamp: Stamp,
    links: Vec<Pending>,
    others: Vec<Pending>,
    /// Whether a copy of something else than a link is among the others.
    copied_file: bool,
}

/// A record that lacks only its stamp.
#[derive(Clone, Debug)]
struct Pending {
    magic: [u8; 4],
    /// All fields but the extended attributes, which must come last, since the stamp must be the record's last bytes.
    fields: Vec<u8>,
    /// The payloads of `fields`, in their order.
    payloads: Vec<Bytes>,
    /// The place of the data in `payloads`.
    data: Option<usize>,
    has_cksum: bool,
    /// The extended attributes without a stamp; `None` where the record has no such field.
    attributes: Option<Vec<u8>>,
}

/// Bytes of a stamp among the extended attributes: size, name, NUL, value.
const STAMP_SIZE: usize = SIZE_FIELD + STAMP_NAME.len() + 1 + STAMP_VALUE;

impl Pending {
    fn new(kind: u8, path: &[u8]) -> Result<Self> {
        let fields = Vec::with_capacity(path.len().saturating_add(32));
        let (payloads, magic) = (Vec::new(), AA01);
        let mut pending = Self { magic, fields, payloads, data: None, has_cksum: false, attributes: None };
        pending.fields.extend_from_slice(&Key::TYP.0);
        pending.fields.extend_from_slice(&[b'1', kind]);
        put_text(&mut pending.fields, Key::PAT, path)?;
        Ok(pending)
    }
}

impl ArchiveWriter {
    /// A writer without entries, whose records will carry CRC-32C stamps.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A writer without entries, whose records will carry this checksum.
    #[must_use]
    pub fn with_stamp(stamp: Stamp) -> Self {
        Self { stamp, ..Self::default() }
    }

    /// Adds a file. The path is taken as it is, not normalised.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Limit`] where the path is longer than 65 535 bytes.
    pub fn add_file(&mut self, path: &[u8], data: impl Into<Bytes>) -> Result<()> {
        let (mut file, data) = (Pending::new(b'F', path)?, data.into());
        put_blob(&mut file.fields, Key::DAT, data.len());
        file.data = Some(0);
        file.payloads.push(data);
        self.others.push(file);
        Ok(())
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Limit`] where the path or the target is longer than 65 535 bytes.
    pub fn add_link(&mut self, path: &[u8], target: &[u8]) -> Result<()> {
        let mut link = Pending::new(b'L', path)?;
        put_text(&mut link.fields, Key::LNK, target)?;
        self.links.push(link);
        Ok(())
    }

    /// Adds a copy of an entry: every field byte for byte and every payload, known or not. Only extended attributes
    /// move to the end, and of them a CRC-32C stamp is left out: this writer puts on its own. Checksums of the data
    /// stay, for the data stays. Copies keep their order among each other: of two entries with one path the first must
    /// stay the first.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Archive`] where the entry's extended attributes are malformed.
    pub fn add_entry(&mut self, entry: &Entry<'_>) -> Result<()> {
        let (stream, record) = (entry.archive().stream(), entry.record());
        let mut copy = Pending {
            magic: record.magic,
            fields: Vec::with_capacity(entry.header_size()),
            payloads: Vec::new(),
            data: None,
            has_cksum: false,
            attributes: None,
        };
        let mut fields = record.fields(stream);
        loop {
            let start = fields.position();
            let Some(field) = fields.read()? else { break };
            if field.key == Key::XAT && matches!(field.value, FieldValue::Blob { .. }) {
                copy.add_attributes(entry, field.value)?;
                continue;
            }
            copy.fields.extend_from_slice(stream.get(start..fields.position()).unwrap_or_default());
            match (field.key, field.value) {
                (Key::CKS, FieldValue::Digest([_, _, _, _])) => copy.has_cksum = true,
                (key, value @ FieldValue::Blob { .. }) => {
                    if key == Key::DAT && copy.data.is_none() {
                        copy.data = Some(copy.payloads.len());
                    }
                    copy.payloads.push(entry.blob(value).unwrap_or_default());
                }
                _ => {}
            }
        }
        // A link that stood behind a file stays behind it, though this writer's own links do not.
        self.copied_file |= entry.kind() != Some(b'L');
        let list = if self.copied_file { &mut self.others } else { &mut self.links };
        list.push(copy);
        Ok(())
    }

    /// The archive, bare or in a container of blocks of 4 MiB.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Limit`] where a header would exceed 65 535 bytes or a stamped record 4 GiB;
    /// [`crate::ErrorKind::Archive`] where there is no entry, or from the codec.
    pub fn to_bytes(&self, codec: Option<Codec>) -> Result<Vec<u8>> {
        let all = || self.links.iter().chain(&self.others);
        if all().next().is_none() {
            return Err(Error::archive(0, "an archive of at least one entry", "none"));
        }
        let size = all().map(Pending::upper_bound).fold(0, usize::saturating_add);
        let mut stream = Vec::new();
        if stream.try_reserve_exact(size).is_err() {
            return Err(Error::limit("bytes of an archive in memory", isize::MAX as u64, size as u64));
        }
        for record in all() {
            record.write(self.stamp, &mut stream)?;
        }
        match codec {
            None => Ok(stream),
            Some(codec) => compress::encode(&stream, codec, DEFAULT_BLOCK_SIZE),
        }
    }
}

impl Pending {
    fn add_attributes(&mut self, entry: &Entry<'_>, value: FieldValue<'_>) -> Result<()> {
        let mut kept = self.attributes.take();
        let mut stamped = false;
        for attribute in entry.attributes_in(value)? {
            if attribute.name == STAMP_NAME {
                stamped = true;
                continue;
            }
            let size =
                SIZE_FIELD.saturating_add(attribute.name.len()).saturating_add(1).saturating_add(attribute.value.len());
            let kept = kept.get_or_insert_default();
            // It came from a size field of as many bits.
            kept.extend_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
            kept.extend_from_slice(attribute.name);
            kept.push(0);
            kept.extend_from_slice(attribute.value);
        }
        // An empty list stays an empty list, unless a stamp was all that it held.
        self.attributes = if stamped { kept } else { Some(kept.unwrap_or_default()) };
        Ok(())
    }

    /// At most so many bytes will be written: the fields of checksum and attributes take no more than 24.
    fn upper_bound(&self) -> usize {
        let payloads = self.payloads.iter().map(|payload| payload.len()).fold(0, usize::saturating_add);
        let attributes = self.attributes.as_ref().map_or(0, Vec::len);
        [self.fields.len(), payloads, attributes, STAMP_SIZE].into_iter().fold(FIXED + 24, usize::saturating_add)
    }

    fn write(&self, stamp: Stamp, stream: &mut Vec<u8>) -> Result<()> {
        let start = stream.len();
        let stamped = stamp == Stamp::Crc32c;
        stream.extend_from_slice(&self.magic);
        stream.extend_from_slice(&[0, 0]);
        stream.extend_from_slice(&self.fields);
        if let (Stamp::Cksum, false, Some(data)) =
            (stamp, self.has_cksum, self.data.and_then(|data| self.payloads.get(data)))
        {
            stream.extend_from_slice(&Key::CKS.0);
            stream.push(b'F');
            stream.extend_from_slice(&cksum(data).to_le_bytes());
        }
        if stamped || self.attributes.is_some() {
            let own = self.attributes.as_ref().map_or(0, Vec::len);
            put_blob(stream, Key::XAT, own.saturating_add(if stamped { STAMP_SIZE } else { 0 }));
        }
        let header_size = stream.len().saturating_sub(start);
        let Ok(size) = u16::try_from(header_size) else {
            return Err(Error::limit("bytes of a record's header", u64::from(u16::MAX), header_size as u64));
        };
        if let Some(field) = stream.get_mut(start..).and_then(|record| record.get_mut(4..FIXED)) {
            field.copy_from_slice(&size.to_le_bytes());
        }
        for payload in &self.payloads {
            stream.extend_from_slice(payload);
        }
        stream.extend_from_slice(self.attributes.as_deref().unwrap_or_default());
        if stamped { put_stamp(stream, start) } else { Ok(()) }
    }
}

/// Ends the record that began at `start` with a stamp, the last of its extended attributes.
fn put_stamp(stream: &mut Vec<u8>, start: usize) -> Result<()> {
    stream.extend_from_slice(&(STAMP_SIZE as u32).to_le_bytes());
    stream.extend_from_slice(STAMP_NAME);
    stream.push(0);
    let size = stream.len().saturating_sub(start).saturating_add(STAMP_VALUE);
    let Ok(length) = u32::try_from(size) else {
        return Err(Error::limit("bytes of a record with a CRC-32C stamp", u64::from(u32::MAX), size as u64));
    };
    stream.extend_from_slice(&length.to_le_bytes());
    let crc = crc32c::crc32c(stream.get(start..).unwrap_or_default());
    stream.extend_from_slice(&crc.to_le_bytes());
    Ok(())
}

fn put_text(fields: &mut Vec<u8>, key: Key, text: &[u8]) -> Result<()> {
    let Ok(size) = u16::try_from(text.len()) else {
        return Err(Error::limit("bytes of a path in an archive", u64::from(u16::MAX), text.len() as u64));
    };
    fields.extend_from_slice(&key.0);
    fields.push(b'P');
    fields.extend_from_slice(&size.to_le_bytes());
    fields.extend_from_slice(text);
    Ok(())
}

pub(super) fn put_blob(fields: &mut Vec<u8>, key: Key, size: usize) {
    fields.extend_from_slice(&key.0);
    if let Ok(size) = u16::try_from(size) {
        fields.push(b'A');
        fields.extend_from_slice(&size.to_le_bytes());
    } else if let Ok(size) = u32::try_from(size) {
        fields.push(b'B');
        fields.extend_from_slice(&size.to_le_bytes());
    } else {
        fields.push(b'C');
        fields.extend_from_slice(&(size as u64).to_le_bytes());
    }
}
