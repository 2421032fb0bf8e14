//! From what is known of a cache to an atlas, as dyld's builder writes one.
//!
//! `psze` is what the builder writes: 8 for arm64_32 and 4 for all others, so the wrong way round for every cache that
//! is built today. Readers that know it (dyld's own never looks) expect it so; nothing here is derived from it.

use crate::archive::ArchiveWriter;
use crate::bplist::{Reference, Text, Writer};
use crate::bytes::Bytes;
use crate::compress::Codec;
use crate::error::Result;
use crate::schema::{MappingRow, SegmentRow, SubCacheRow, keys};

use super::atlas::entry_path;
use super::columns::{CacheImage, HAS_ADDRESS, HAS_PREFERRED, HAS_UUID};
use super::known::KnownCache;

/// Bytes of a file name on Darwin.
const LONGEST_NAME: usize = 255;

/// A cache by the name of its main file.
#[derive(Clone, Copy, Debug)]
pub struct NamedCache<'a> {
    /// The name of its main file.
    pub leaf: &'a str,
    /// What is known of it.
    pub known: &'a KnownCache,
}

/// The atlas of `caches`, of which the first gives the entry its name and the others are links to it, as those that
/// share files: for customers first, then for development.
///
/// # Errors
/// [`crate::ErrorKind::Limit`] where a name is too long for an archive.
pub fn atlas(caches: &[NamedCache<'_>], codec: Option<Codec>) -> Result<Vec<u8>> {
    let mut writer = ArchiveWriter::new();
    let Some(first) = caches.first() else { return writer.to_bytes(codec) };
    let path = entry_path(first.known.uuid());
    add_name(&mut writer, first.leaf, &path)?;
    for other in caches.iter().skip(1) {
        writer.add_link(entry_path(other.known.uuid()).as_bytes(), target(&path).as_bytes())?;
        add_name(&mut writer, other.leaf, &path)?;
    }
    let plist = match caches {
        [only] => {
            let (uuids, names) = only.known.siblings();
            for uuid in uuids {
                writer.add_link(entry_path(uuid).as_bytes(), target(&path).as_bytes())?;
            }
            for name in names.iter().filter(|name| *name != only.leaf && !name.contains('/')) {
                add_name(&mut writer, name, &path)?;
            }
            only.known.atlas_plist(only.leaf)?
        }
        _ => plist(caches)?,
    };
    writer.add_file(path.as_bytes(), plist)?;
    writer.to_bytes(codec)
}

/// Adds the link that finds the entry at `path` by the name of the cache, if a file can have that name: it is for
/// people, and a record is found by its UUID.
pub fn add_name(writer: &mut ArchiveWriter, leaf: &str, path: &str) -> Result<()> {
    if (1..=LONGEST_NAME).contains(&leaf.len()) {
        writer.add_link(name_path(leaf).as_bytes(), target(path).as_bytes())?;
    }
    Ok(())
}

/// The path, inside an archive, of the link that finds a cache by the name of its main file.
#[must_use]
pub fn name_path(leaf: &str) -> String {
    format!("caches/names/{leaf}.plist")
}

/// The entry at `path` as its neighbours refer to it.
fn target(path: &str) -> String {
    path.replacen("caches", "..", 1)
}

/// The property list of an atlas of `caches`.
pub(super) fn plist(caches: &[NamedCache<'_>]) -> Result<Bytes> {
    let mut plist = PlistWriter(Writer::new());
    let (mut by_uuid, mut by_name) = (Vec::new(), Vec::new());
    let mut images: Option<(&KnownCache, Reference)> = None;
    for cache in caches {
        // Caches that share their files share the list of images, too: it is most of the atlas.
        let shared = images.filter(|(other, _)| same_images(other, cache.known)).map(|(_, images)| images);
        let list = shared.unwrap_or_else(|| plist.images(cache.known));
        images = Some((cache.known, list));
        let written = plist.cache(cache.known, list);
        by_uuid.push((plist.0.text(&format!("{:X}", cache.known.uuid().as_hyphenated())), written));
        by_name.push((plist.0.text(cache.leaf), written));
    }
    let (by_uuid, by_name) = (plist.0.dictionary(&by_uuid), plist.0.dictionary(&by_name));
    let root = [(plist.0.text(keys::cache::BY_UUID), by_uuid), (plist.0.text(keys::cache::BY_NAME), by_name)];
    let root = plist.0.dictionary(&root);
    Ok(plist.0.finish(root)?.into())
}

/// Whether two caches have the same images, down to the last segment.
fn same_images(a: &KnownCache, b: &KnownCache) -> bool {
    let texts = |a_position, b_position| a.text(a_position) == b.text(b_position);
    let (a, b) = (a.columns(), b.columns());
    let image = |(a, b): (&CacheImage, &CacheImage)| {
        let fields = |image: &CacheImage| (image.address, image.preferred_load_address, image.uuid, image.flags);
        let same = fields(a) == fields(b) && a.first_segment == b.first_segment;
        same && texts(a.install_name, b.install_name) && texts(a.file_path, b.file_path)
    };
    let segment = |(a, b): (&_, &_)| {
        let (a, b) = (SegmentRow::from(a), SegmentRow::from(b));
        texts(a.name, b.name) && SegmentRow { name: 0, ..a } == SegmentRow { name: 0, ..b }
    };
    (a.images.len(), a.segments.len()) == (b.images.len(), b.segments.len())
        && a.images.iter().zip(&b.images).all(image)
        && a.segments.iter().zip(&b.segments).all(segment)
}

/// Writes the parts of a record, keys in the builder's order.
struct PlistWriter(Writer);

impl PlistWriter {
    /// A number of 64 bits as dyld encodes it, which knows signed ones only.
    fn number(&mut self, key: &str, value: u64) -> (Reference, Reference) {
        (self.0.text(key), self.0.integer(value.cast_signed()))
    }

    fn data(&mut self, key: &str, data: &[u8]) -> (Reference, Reference) {
        (self.0.text(key), self.0.data(data))
    }

    fn string(&mut self, key: &str, text: &str) -> (Reference, Reference) {
        (self.0.text(key), self.0.text(text))
    }

    fn text(&mut self, key: &str, text: Text<'_>) -> (Reference, Reference) {
        let value = match (text, text.units()) {
            (_, Some(units)) => self.0.utf16(&units.collect::<Vec<_>>()),
            // dyld's encoder converts UTF-8 that is not ASCII, and keeps what is none as it is.
            (text, None) => match text.as_str() {
                Some(text) => self.0.text(text),
                None => self.0.marked_ascii(text.payload()),
            },
        };
        (self.0.text(key), value)
    }

    fn cache(&mut self, known: &KnownCache, images: Reference) -> Reference {
        use keys::cache as key;
        let mut pairs = vec![
            self.data(key::UUID, known.uuid().as_bytes()),
            self.number(key::PREFERRED_LOAD_ADDRESS, known.preferred_load_address()),
            self.number(key::VM_SIZE, known.vm_size()),
        ];
        if let Some(name) = known.symbol_file_name() {
            pairs.push(self.string(key::SYMBOL_FILE_NAME, name));
        }
        if let Some(uuid) = known.symbol_file_uuid() {
            pairs.push(self.data(key::SYMBOL_FILE_UUID, uuid.as_bytes()));
        }
        let files: Vec<_> = known.subcaches().iter().map(|file| self.file(file)).collect();
        let files = (self.0.text(key::SUBCACHES), self.0.array(&files));
        pairs.extend([files, self.number(key::POINTER_SIZE, known.built_pointer_size())]);
        pairs.push((self.0.text(key::IMAGES), images));
        self.0.dictionary(&pairs)
    }

    fn file(&mut self, file: &SubCacheRow) -> Reference {
        use keys::subcache as key;
        let mappings: Vec<_> = file.mappings.iter().map(|mapping| self.mapping(mapping)).collect();
        let pairs = [
            self.string(key::NAME, &file.name),
            self.data(key::UUID, file.uuid.as_bytes()),
            self.number(key::VM_OFFSET, file.vm_offset),
            self.number(key::FILE_SIZE, file.file_size),
            self.number(key::PREFERRED_LOAD_ADDRESS, file.preferred_load_address),
            (self.0.text(key::MAPPINGS), self.0.array(&mappings)),
            self.number(key::VM_SIZE, file.vm_size),
        ];
        self.0.dictionary(&pairs)
    }

    fn mapping(&mut self, mapping: &MappingRow) -> Reference {
        use keys::mapping as key;
        let pairs = [
            self.number(key::SIZE, mapping.size),
            self.number(key::PREFERRED_LOAD_ADDRESS, mapping.preferred_load_address),
            self.number(key::FILE_OFFSET, mapping.file_offset),
            self.number(key::MAX_PROTECTION, mapping.max_protection),
        ];
        self.0.dictionary(&pairs)
    }

    fn images(&mut self, known: &KnownCache) -> Reference {
        use keys::image as key;
        let columns = known.columns();
        let mut images = Vec::with_capacity(columns.images.len());
        let (mut segments, mut pairs) = (Vec::new(), Vec::new());
        for (index, image) in columns.images.iter().enumerate() {
            segments.clear();
            segments.extend(columns.segments_of(index).iter().map(|segment| self.segment(known, &segment.into())));
            pairs.clear();
            pairs.push((self.0.text(key::SEGMENTS), self.0.array(&segments)));
            let names = [(key::INSTALL_NAME, image.install_name), (key::FILE_PATH, image.file_path)];
            for (key, position) in names {
                pairs.extend(known.text(position).map(|name| self.text(key, name)));
            }
            if image.flags & HAS_PREFERRED != 0 {
                pairs.push(self.number(key::PREFERRED_LOAD_ADDRESS, image.preferred_load_address));
            }
            if image.flags & HAS_ADDRESS != 0 {
                pairs.push(self.number(key::ADDRESS, image.address));
            }
            if image.flags & HAS_UUID != 0 {
                pairs.push(self.data(key::UUID, &image.uuid));
            }
            images.push(self.0.dictionary(&pairs));
        }
        self.0.array(&images)
    }

    fn segment(&mut self, known: &KnownCache, segment: &SegmentRow) -> Reference {
        use keys::segment as key;
        let name = known.text(segment.name).unwrap_or(Text::Ascii(&[]));
        let mut pairs = vec![
            self.text(key::NAME, name),
            self.number(key::PREFERRED_LOAD_ADDRESS, segment.preferred_load_address),
            self.number(key::VM_SIZE, segment.vm_size),
        ];
        pairs.extend(segment.file_offset.map(|offset| self.number(key::FILE_OFFSET, offset)));
        pairs.extend([
            self.number(key::FILE_SIZE, segment.file_size),
            self.number(key::PERMISSIONS, segment.permissions.into()),
        ]);
        self.0.dictionary(&pairs)
    }
}
