//! `LC_NOTE`: what the writer of a core noted. LLDB, the kernel and Apple's `gcore` write them.

use uuid::Uuid;

use crate::bytes::{Bytes, Cursor};
use crate::macho::{View, constants::command};

use super::bounds::Bounds;
use super::paths::Paths;

/// "Not known" in notes.
const NONE: u64 = u64::MAX;
/// Bytes of an entry of `all image infos`, at least.
const ENTRY: usize = 48;
/// Names of notes that are kept.
const MOST_NAMES: usize = 1 << 15;
/// The longest text that is no path.
const LONGEST_TEXT: usize = 1 << 20;

/// All notes of a core that are known.
#[derive(Debug, Default)]
pub struct Notes {
    /// `all image infos`
    pub images: Vec<NotedImage>,
    /// `load binary`, each of them
    pub binaries: Vec<LoadedBinary>,
    /// `main bin spec`
    pub main: Option<MainBinary>,
    /// `addrable bits`: how many low bits of an address count, for low and for high addresses
    pub addressable_bits: Option<(u32, u32)>,
    /// `process metadata`: JSON
    pub process_metadata: Option<String>,
    /// `kern ver str`, or the older `LC_IDENT`
    pub kernel_version: Option<String>,
    /// The names of all notes, known or not, in the order of the file.
    pub names: Vec<String>,
    pub(super) warnings: Vec<String>,
    paths: Paths,
    /// What may still be read.
    left: Bounds,
}

/// An entry of `all image infos`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedImage {
    /// Path of its file.
    pub path: Option<String>,
    /// UUID of its Mach-O.
    pub uuid: Option<Uuid>,
    /// Where its header is.
    pub load_address: Option<u64>,
    /// Its segments.
    pub segments: Vec<NotedSegment>,
    /// Whether a thread was running in it.
    pub executing: bool,
}

/// A segment of a [`NotedImage`]; its size is not noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedSegment {
    /// Its name.
    pub name: String,
    /// Where it lies in the process.
    pub address: u64,
}

/// A `load binary` note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedBinary {
    /// UUID of its Mach-O.
    pub uuid: Option<Uuid>,
    /// Where its header is.
    pub address: Option<u64>,
    /// How far it was moved.
    pub slide: Option<u64>,
    /// Its name or path.
    pub name: Option<String>,
}

/// What a `main bin spec` note speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MainBinaryKind {
    /// 0
    Unspecified,
    /// 1
    Kernel,
    /// 2: the header of dyld
    Dyld,
    /// 3: a program without system
    Standalone,
    /// 4, since LLDB of 2025: `dyld_all_image_infos` itself
    AllImageInfos,
    /// Any other
    Unknown(u32),
}

/// A `main bin spec` note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MainBinary {
    /// What the address is that of.
    pub kind: MainBinaryKind,
    /// The address.
    pub address: Option<u64>,
    /// How far it was moved; version 2.
    pub slide: Option<u64>,
    /// UUID of its Mach-O.
    pub uuid: Option<Uuid>,
    /// `PLATFORM_*`; version 2.
    pub platform: Option<u32>,
}

fn known(number: u64) -> Option<u64> {
    (number != NONE).then_some(number)
}

fn uuid(bytes: [u8; 16]) -> Option<Uuid> {
    let uuid = Uuid::from_bytes(bytes);
    (!uuid.is_nil()).then_some(uuid)
}

/// The text at the beginning of `bytes`, up to a NUL.
fn text(bytes: &[u8], longest: usize) -> String {
    let bytes = bytes.get(..longest).unwrap_or(bytes);
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

impl Notes {
    /// Reads the notes of `view`, whose file is `bytes`.
    pub(super) fn read(view: &View<'_>, bytes: &Bytes) -> Self {
        let left = Bounds::of(bytes.len());
        let mut notes = Self { left, paths: Paths::new(left.text), ..Self::default() };
        for found in view.commands() {
            match found.number() {
                command::NOTE => notes.note(found.bytes(), bytes),
                command::IDENT if notes.kernel_version.is_none() => {
                    let ident = text(found.bytes().get(8..).unwrap_or_default(), LONGEST_TEXT);
                    notes.kernel_version = Some(ident).filter(|ident| !ident.is_empty());
                }
                _ => {}
            }
        }
        notes.warnings.extend(notes.paths.warnings("in the core's notes"));
        notes
    }

    /// An address without the bits that sign or tag a pointer. Of the two halves of memory bit 55 chooses, which is the
    /// highest that is never part of a tag: in a low address all bits above those that count are 0, in a high one, as
    /// the kernel's are, 1.
    #[must_use]
    pub const fn stripped(&self, address: u64) -> u64 {
        const HIGH: u64 = 1 << 55;
        let Some((low, high)) = self.addressable_bits else { return address };
        let is_high = address & HIGH != 0;
        // As LLDB reads it, 0 means that the number of the other half holds.
        let bits = if is_high && high != 0 { high } else { low };
        match bits {
            1..=63 if is_high => address | (u64::MAX << bits),
            1..=63 => address & !(u64::MAX << bits),
            _ => address,
        }
    }

    fn warn(&mut self, warning: String) {
        // Each costs the file 40 bytes and us some more; nobody reads a thousand.
        if self.warnings.len() < 100 {
            self.warnings.push(warning);
        }
    }

    fn note(&mut self, command: &[u8], file: &[u8]) {
        let mut fields = Cursor::at(command, 8);
        let Some((name, offset, size)) =
            fields.array::<16>().and_then(|name| Some((name, fields.u64_le()?, fields.u64_le()?)))
        else {
            return self.warn(format!("an LC_NOTE of {} bytes, where 40 were expected", command.len()));
        };
        let name = text(&name, name.len());
        let place = |offset: u64| usize::try_from(offset).ok();
        let end = offset.checked_add(size).and_then(place);
        let payload = place(offset).zip(end).and_then(|(start, end)| file.get(start..end));
        if self.names.len() < MOST_NAMES {
            self.names.push(name.clone());
        }
        let Some(payload) = payload else {
            return self.warn(format!("the note `{name}` lies outside of the core file"));
        };
        let understood = match name.as_str() {
            "all image infos" => self.all_image_infos(payload, file),
            "load binary" => self.load_binary(payload),
            "main bin spec" => self.main_binary(payload),
            "addrable bits" => self.bits(payload),
            "process metadata" => {
                self.process_metadata.get_or_insert_with(|| text(payload, LONGEST_TEXT));
                Some(())
            }
            "kern ver str" => payload.get(4..).map(|version| {
                self.kernel_version.get_or_insert_with(|| text(version, LONGEST_TEXT));
            }),
            _ => Some(()),
        };
        if understood.is_none() {
            self.warn(format!("the note `{name}` is of a version that is not known, or cut short"));
        }
    }

    fn all_image_infos(&mut self, payload: &[u8], file: &[u8]) -> Option<()> {
        let mut header = Cursor::new(payload);
        if header.u32_le()? != 1 {
            return None;
        }
        let (count, entries, size) = (header.u32_le()?, header.u64_le()?, header.u32_le()?);
        // LLDB's own reader ignores the size; a later writer may have larger entries.
        let stride = (size as usize).max(ENTRY);
        let entries = usize::try_from(entries).ok().and_then(|start| file.get(start..)).unwrap_or_default();
        // The last one need not have what is behind it.
        let there = entries.len().saturating_sub(ENTRY).checked_div(stride).map_or(0, |more| more.saturating_add(1));
        let there = if entries.len() < ENTRY { 0 } else { there };
        let used = self.left.images.min(there).min(count as usize);
        self.left.images = self.left.images.saturating_sub(used);
        if there < count as usize {
            self.warn(format!("of {count} images in the note `all image infos` only {there} are there"));
        }
        if used < there.min(count as usize) {
            self.warn(format!("of {count} images in the note `all image infos` only {used} are read"));
        }
        for entry in entries.chunks(stride).take(used) {
            let image = self.image(entry, file)?;
            self.images.push(image);
        }
        Some(())
    }

    fn image(&mut self, entry: &[u8], file: &[u8]) -> Option<NotedImage> {
        let mut fields = Cursor::new(entry);
        let path = fields.u64_le()?;
        let uuid = uuid(fields.array()?);
        let load_address = known(fields.u64_le()?);
        let segments = fields.u64_le()?;
        let (count, executing) = (fields.u32_le()? as usize, fields.u32_le()? != 0);
        let at = |offset: u64| known(offset).and_then(|at| file.get(usize::try_from(at).ok()?..));
        let path = at(path).and_then(|bytes| self.paths.read(bytes, false));
        let rows = at(segments).unwrap_or_default().chunks_exact(32).take(count.min(self.left.segments));
        let segments: Vec<_> = rows
            .filter_map(|row| {
                let mut fields = Cursor::new(row);
                // The name may have no NUL.
                Some(NotedSegment { name: text(fields.take(16)?, 16), address: fields.u64_le()? })
            })
            .collect();
        self.left.segments = self.left.segments.saturating_sub(segments.len());
        if segments.len() < count {
            self.warn(format!("of {count} segments of an image in the core's notes only {} are read", segments.len()));
        }
        Some(NotedImage { path, uuid, load_address, segments, executing })
    }

    fn load_binary(&mut self, payload: &[u8]) -> Option<()> {
        let mut fields = Cursor::new(payload);
        if fields.u32_le()? != 1 {
            return None;
        }
        let uuid = uuid(fields.array()?);
        let (address, slide) = (known(fields.u64_le()?), known(fields.u64_le()?));
        let name = payload.get(fields.position()..).and_then(|name| self.paths.read(name, true));
        if let Some(left) = self.left.images.checked_sub(1) {
            self.left.images = left;
            self.binaries.push(LoadedBinary { uuid, address, slide, name });
        } else {
            self.warn("a note `load binary` is left out: there are too many images".to_owned());
        }
        Some(())
    }

    fn main_binary(&mut self, payload: &[u8]) -> Option<()> {
        let mut fields = Cursor::new(payload);
        let version = fields.u32_le()?;
        let kind = match fields.u32_le()? {
            0 => MainBinaryKind::Unspecified,
            1 => MainBinaryKind::Kernel,
            2 => MainBinaryKind::Dyld,
            3 => MainBinaryKind::Standalone,
            4 => MainBinaryKind::AllImageInfos,
            other => MainBinaryKind::Unknown(other),
        };
        let address = known(fields.u64_le()?);
        let slide = match version {
            1 => None,
            2 => known(fields.u64_le()?),
            _ => return None,
        };
        let uuid = uuid(fields.array()?);
        let _page_size = fields.u32_le()?;
        let platform = Some(fields.u32_le()?).filter(|platform| version == 2 && *platform != 0);
        self.main = Some(MainBinary { kind, address, slide, uuid, platform });
        Some(())
    }

    fn bits(&mut self, payload: &[u8]) -> Option<()> {
        let mut fields = Cursor::new(payload);
        self.addressable_bits = Some(match fields.u32_le()? {
            // The kernel's.
            3 => {
                let bits = fields.u32_le()?;
                (bits, bits)
            }
            // LLDB's.
            4 => (fields.u32_le()?, fields.u32_le()?),
            _ => return None,
        });
        Some(())
    }
}
