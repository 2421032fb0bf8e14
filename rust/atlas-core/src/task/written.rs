//! A record of a process that published none, written as dyld would have: so that the model needs no second way in.

use uuid::Uuid;

use crate::archive::ArchiveWriter;
use crate::bplist::{Reference, Writer};
use crate::error::Result;
use crate::model::{Opening, Options};
use crate::schema::keys::{aot_image, cache_reference, image, segment, snapshot};

/// The pages of the process are of 4 KiB.
pub(super) const PAGE_SIZE_4K: u64 = 1;
/// Its pointers have 4 bytes.
pub(super) const POINTER_SIZE_4: u64 = 2;

/// The longest path that a record may hold, in bytes.
pub(super) const LONGEST_PATH: usize = 4096;

/// What is known of a process.
#[derive(Debug, Default)]
pub(super) struct WrittenProcess {
    pub pid: u32,
    pub platform: u32,
    pub timestamp: u64,
    pub state: u64,
    pub initial_image_count: Option<u64>,
    pub flags: u64,
    pub images: Vec<WrittenImage>,
    pub cache: Option<WrittenCache>,
    pub aot_images: Vec<WrittenAotImage>,
}

/// What is known of an image.
#[derive(Clone, Debug, Default)]
pub(super) struct WrittenImage {
    pub address: u64,
    /// 0 where it is not known, or is 0.
    pub preferred_load_address: u64,
    pub uuid: Option<Uuid>,
    pub install_name: Option<String>,
    pub file_path: Option<String>,
    pub segments: Vec<WrittenSegment>,
}

/// What is known of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WrittenSegment {
    pub name: String,
    /// Before the image was slid.
    pub address: u64,
    pub vm_size: u64,
    pub file_size: u64,
    pub file_offset: u64,
    pub permissions: u32,
}

/// What is known of the shared cache.
#[derive(Debug)]
pub(super) struct WrittenCache {
    pub uuid: Uuid,
    pub address: u64,
    pub aot_uuid: Option<Uuid>,
    pub aot_address: Option<u64>,
}

/// A translated image.
#[derive(Debug)]
pub(super) struct WrittenAotImage {
    pub x86_address: u64,
    pub aot_address: u64,
    pub aot_size: u64,
    pub image_key: [u8; 32],
}

/// A dictionary whose values are made one after the other.
struct Pairs<'w>(&'w mut Writer, Vec<(Reference, Reference)>);

impl Pairs<'_> {
    fn put(&mut self, key: &str, value: impl FnOnce(&mut Writer) -> Reference) {
        let pair = (self.0.text(key), value(self.0));
        self.1.push(pair);
    }

    /// A number that may use all 64 bits; the format's are signed, and dyld's encoder takes the bits as they are.
    fn bits(&mut self, key: &str, value: u64) {
        self.put(key, |writer| writer.integer(value.cast_signed()));
    }

    /// Text that the schema bounds; more is cut, for a path of that length is none.
    fn text(&mut self, key: &str, value: &str) {
        // UTF-16 takes at most two bytes for each of UTF-8.
        let end = (0..=value.len().min(LONGEST_PATH / 2)).rfind(|end| value.is_char_boundary(*end)).unwrap_or(0);
        self.put(key, |writer| writer.text(value.get(..end).unwrap_or_default()));
    }

    fn finish(self) -> Reference {
        self.0.dictionary(&self.1)
    }
}

impl WrittenProcess {
    /// The record as a property list. Each image is dropped when it is written: a core may name very many.
    pub(super) fn into_plist(self) -> Result<Vec<u8>> {
        let mut writer = Writer::new();
        let images: Vec<_> = self.images.into_iter().map(|image| image.write(&mut writer)).collect();
        let images = writer.array(&images);
        let aot_images: Vec<_> = self.aot_images.iter().map(|image| image.write(&mut writer)).collect();
        let mut root = Pairs(&mut writer, Vec::new());
        root.bits(snapshot::PID, self.pid.into());
        root.bits(snapshot::PLATFORM, self.platform.into());
        root.bits(snapshot::TIMESTAMP, self.timestamp & i64::MAX.cast_unsigned());
        root.bits(snapshot::STATE, self.state);
        root.bits(snapshot::FLAGS_WRITTEN, self.flags);
        if let Some(count) = self.initial_image_count {
            root.bits(snapshot::INITIAL_IMAGE_COUNT, count & i64::MAX.cast_unsigned());
        }
        root.put(snapshot::IMAGES, |_| images);
        if let Some(cache) = &self.cache {
            root.put(snapshot::SHARED_CACHE, |writer| cache.write(writer));
        }
        if !aot_images.is_empty() {
            root.put(snapshot::AOT_IMAGES, |writer| writer.array(&aot_images));
        }
        let top = root.finish();
        writer.finish(top)
    }

    /// The record, opened as if dyld had published it.
    pub(super) fn open(self, options: Options) -> Result<Opening> {
        let mut archive = ArchiveWriter::new();
        archive.add_file(b"process.plist", self.into_plist()?)?;
        Opening::new(archive.to_bytes(None)?.into(), options)
    }
}

impl WrittenImage {
    fn write(&self, writer: &mut Writer) -> Reference {
        let segments: Vec<_> = self.segments.iter().map(|segment| segment.write(writer)).collect();
        let mut pairs = Pairs(writer, Vec::new());
        pairs.bits(image::ADDRESS, self.address);
        if self.preferred_load_address != 0 {
            pairs.bits(image::PREFERRED_LOAD_ADDRESS, self.preferred_load_address);
        }
        if let Some(uuid) = &self.uuid {
            pairs.put(image::UUID, |writer| writer.data(uuid.as_bytes()));
        }
        if let Some(name) = &self.install_name {
            pairs.text(image::INSTALL_NAME, name);
        }
        if let Some(path) = &self.file_path {
            pairs.text(image::FILE_PATH, path);
        }
        if !segments.is_empty() {
            pairs.put(image::SEGMENTS, |writer| writer.array(&segments));
        }
        pairs.finish()
    }
}

impl WrittenSegment {
    fn write(&self, writer: &mut Writer) -> Reference {
        let mut pairs = Pairs(writer, Vec::new());
        pairs.text(segment::NAME, &self.name);
        pairs.bits(segment::PREFERRED_LOAD_ADDRESS, self.address);
        pairs.bits(segment::VM_SIZE, self.vm_size);
        pairs.bits(segment::FILE_SIZE, self.file_size);
        pairs.bits(segment::FILE_OFFSET, self.file_offset);
        pairs.bits(segment::PERMISSIONS, self.permissions.into());
        pairs.finish()
    }
}

impl WrittenCache {
    fn write(&self, writer: &mut Writer) -> Reference {
        let mut pairs = Pairs(writer, Vec::new());
        pairs.put(cache_reference::UUID, |writer| writer.data(self.uuid.as_bytes()));
        pairs.bits(cache_reference::ADDRESS, self.address);
        // All images are listed as the process's own, and nothing says where the file was.
        pairs.text(cache_reference::FILE_PATH, "");
        pairs.put(cache_reference::BITMAP, |writer| writer.data(&[]));
        if let Some(uuid) = &self.aot_uuid {
            pairs.put(cache_reference::AOT_UUID, |writer| writer.data(uuid.as_bytes()));
        }
        if let Some(address) = self.aot_address {
            pairs.bits(cache_reference::AOT_ADDRESS, address);
        }
        pairs.finish()
    }
}

impl WrittenAotImage {
    fn write(&self, writer: &mut Writer) -> Reference {
        let mut pairs = Pairs(writer, Vec::new());
        pairs.bits(aot_image::X86_ADDRESS, self.x86_address);
        pairs.bits(aot_image::AOT_ADDRESS, self.aot_address);
        pairs.bits(aot_image::AOT_SIZE, self.aot_size);
        pairs.put(aot_image::IMAGE_KEY, |writer| writer.data(&self.image_key));
        pairs.finish()
    }
}
