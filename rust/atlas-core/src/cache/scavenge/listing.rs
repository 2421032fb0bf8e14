//! The images of a cache from its tables, and their segments from their headers.

use uuid::Uuid;

use crate::bplist::Text;
use crate::cache::columns::{CacheColumns, CacheImage, HAS_PREFERRED, HAS_UUID};
use crate::cache::file::{CacheFile, ImageInfo, TextInfo};
use crate::cache::group::CacheGroup;
use crate::macho::{self, Name, SegmentOutline};
use crate::schema::{Report, SegmentRow};

use super::arena::TextArena;
use super::headers::Headers;

/// Bytes that names and headers may take beyond the files that they stand in. In a cache that dyld wrote no byte is
/// read twice; one that was made up can name the same header a million times.
const SPARE: u64 = 1 << 20;

/// Every image, with its segments and names.
#[derive(Debug)]
pub(in crate::cache) struct Listing {
    pub(in crate::cache) columns: CacheColumns,
    pub(in crate::cache) warnings: Vec<String>,
    arena: TextArena,
}

impl Default for Listing {
    fn default() -> Self {
        Self { columns: CacheColumns::default(), warnings: Vec::new(), arena: TextArena::with_capacity(0) }
    }
}

impl Listing {
    /// Lists the images of `group`.
    pub(super) fn build(group: &CacheGroup, headers: Headers) -> Self {
        let mut report = Report::new(true, &group.main().name);
        let mut builder = Builder::new(group, headers, &mut report);
        builder.all();
        let (columns, arena) = builder.finish();
        Self { columns, warnings: report.into_warnings(), arena }
    }

    /// The name at `position`; `None` for 0.
    pub(in crate::cache) fn text(&self, position: u32) -> Option<Text<'_>> {
        self.arena.get(position)
    }

    pub(super) fn byte_length(&self) -> usize {
        self.columns.byte_length().saturating_add(self.arena.byte_length())
    }
}

/// Bytes that may still be read.
struct Purse(u64);

impl Purse {
    fn left(&self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    fn spend(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes as u64);
        self.0 = left.unwrap_or_default();
        left.is_some()
    }
}

struct Builder<'a> {
    group: &'a CacheGroup,
    headers: Headers,
    report: &'a mut Report,
    columns: CacheColumns,
    arena: TextArena,
    segment_names: SegmentNames,
    names: Purse,
    commands: Purse,
    /// How many images lie where no file is.
    outside: usize,
    first_outside: u64,
}

impl<'a> Builder<'a> {
    fn new(group: &'a CacheGroup, headers: Headers, report: &'a mut Report) -> Self {
        let main = group.main().file.bytes().len() as u64;
        let all = group.files().iter().map(|file| file.file.bytes().len() as u64).fold(0, u64::saturating_add);
        Self {
            group,
            headers,
            report,
            columns: CacheColumns::default(),
            arena: TextArena::with_capacity(0),
            segment_names: SegmentNames::default(),
            names: Purse(main.saturating_add(SPARE)),
            commands: Purse(all.saturating_add(SPARE)),
            outside: 0,
            first_outside: 0,
        }
    }

    fn all(&mut self) {
        let main = &self.group.main().file;
        let (infos, texts) = (main.own_images(), main.text_infos());
        let count = super::image_count(main);
        let (images, rows) = (main.image_count(), texts.len());
        if !(images == rows || images == 0 || rows == 0) {
            self.report.note(&format!("imagesText: {rows} rows, and {images} images"));
        }
        // Room for what images of a real cache take; more is made as it is needed.
        self.columns.images.reserve_exact(count);
        self.columns.segments.reserve(count.min(1 << 14).saturating_mul(8));
        self.arena = TextArena::with_capacity(count.min(1 << 14).saturating_mul(80));
        let mut texts = texts.map(Some).chain(std::iter::repeat(None));
        let mut infos = infos.map(Some).chain(std::iter::repeat(None));
        let mut different = 0_usize;
        for _ in 0..count {
            let (info, text) = (infos.next().flatten(), texts.next().flatten());
            let same = info.zip(text).is_none_or(|(info, text)| info.address == text.address);
            different = different.saturating_add(usize::from(!same));
            self.image(main, info, text.filter(|_| same));
        }
        if different != 0 {
            self.report.note(&format!("imagesText: {different} rows are of other addresses than those of the images"));
        }
        if self.outside != 0 {
            let (count, first) = (self.outside, self.first_outside);
            self.report.note(&format!(
                "{count} images lie in no file that is there, the first at {first:#x}: their segments are not known"
            ));
        }
    }

    /// Adds one image. UUID and name come from the tables, as in dyld's scavenger: its `name` is the path of the
    /// tables.
    fn image(&mut self, main: &CacheFile, info: Option<ImageInfo>, text: Option<TextInfo>) {
        let address = info.map(|info| info.address).or(text.map(|text| text.address)).unwrap_or_default().0;
        let offsets = [text.map(|text| text.path_offset), info.map(|info| info.path_offset)];
        let path = offsets.into_iter().flatten().find_map(|offset| {
            let (path, looked_at) = main.path_within(offset, self.names.left());
            self.names.spend(looked_at);
            path
        });
        let install_name = path.map_or(0, |path| self.arena.add(path));
        if install_name == 0 {
            self.report.note(&format!("the image at {address:#x} has no path"));
        }
        let first_segment = self.columns.segments.len();
        // Zeros are none: the header of the image may have one.
        let uuid = text.map(|text| text.uuid).filter(|uuid| !uuid.is_nil());
        self.columns.images.push(CacheImage {
            address,
            preferred_load_address: address,
            vm_end: 0,
            uuid: uuid.map_or([0; 16], Uuid::into_bytes),
            install_name,
            file_path: 0,
            first_segment: first_segment as u32,
            flags: HAS_PREFERRED | if uuid.is_some() { HAS_UUID } else { 0 },
        });
        self.header(address, text.map_or(0, |text| text.text_size), first_segment);
    }

    /// Adds the segments of the image at `address`, which is the last one. Where no file has them, the `text_size`
    /// bytes that the tables give it are all that is known of where it lies.
    fn header(&mut self, address: u64, text_size: u32, first_segment: usize) {
        let Some(place) = self.group.at(address) else {
            if let Some(image) = self.columns.images.last_mut().filter(|_| text_size != 0) {
                image.vm_end = address.saturating_add(text_size.into());
            }
            if self.outside == 0 {
                self.first_outside = address;
            }
            self.outside = self.outside.saturating_add(1);
            return;
        };
        let Self { headers, commands, columns, arena, segment_names, .. } = self;
        let Some(header) = headers.read(self.group, place, |size| commands.spend(size)) else {
            self.report.note(&format!("the image at {address:#x}: headers take more than the files hold"));
            return;
        };
        let (mut vm_end, segments) = (0_u64, &mut columns.segments);
        let outline = macho::outline(header, |segment: &SegmentOutline| {
            let (name, permissions) = segment_names.get(segment.name, arena);
            vm_end = vm_end.max(segment.preferred_load_address.saturating_add(segment.vm_size));
            let row = SegmentRow {
                name,
                permissions,
                preferred_load_address: segment.preferred_load_address,
                vm_size: segment.vm_size,
                file_size: segment.file_size,
                file_offset: Some(segment.file_offset),
            };
            segments.push((&row).into());
        });
        match (outline, columns.images.last_mut()) {
            (Ok(outline), Some(image)) => {
                image.vm_end = vm_end;
                // Before dyld-421 there is no imagesText: dyld's scavenger fails there.
                if let Some(uuid) = outline.uuid.filter(|_| image.flags & HAS_UUID == 0) {
                    image.uuid = uuid;
                    image.flags |= HAS_UUID;
                }
            }
            (Ok(_), None) => {}
            (Err(error), _) => {
                columns.segments.truncate(first_segment);
                self.report.note(&format!("the image at {address:#x}: {error}"));
            }
        }
    }

    fn finish(mut self) -> (CacheColumns, TextArena) {
        self.columns.segments.shrink_to_fit();
        self.arena.shrink();
        (self.columns, self.arena)
    }
}

/// Names of segments that were met, each once in the arena as long as it is remembered.
struct SegmentNames([(Name, u32, u8); Self::PLACES]);

impl Default for SegmentNames {
    fn default() -> Self {
        Self([(Name([0; 16]), 0, 0); Self::PLACES])
    }
}

impl SegmentNames {
    /// More than real caches have different names (about twenty); one that takes another's place is stored again.
    const PLACES: usize = 64;

    /// Position and protection of the segment called `name`.
    #[inline]
    fn get(&mut self, name: Name, arena: &mut TextArena) -> (u32, u8) {
        let bits = u128::from_le_bytes(name.0);
        let folded = (bits ^ (bits >> 64)) as u64;
        let place = (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize;
        let Some(kept) = self.0.get_mut(place) else { return (0, 0) };
        if kept.0 != name || kept.1 == 0 {
            *kept = (name, arena.add(name.as_bytes()), permissions(name));
        }
        (kept.1, kept.2)
    }
}

/// What a segment of that name may do: dyld's builder and scavenger go by the name, since what the load command says is
/// not how the cache maps it.
fn permissions(name: Name) -> u8 {
    match name.as_bytes() {
        b"__TEXT" => 5,
        b"__LINKEDIT" => 1,
        _ => 3,
    }
}
