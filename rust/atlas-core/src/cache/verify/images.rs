//! Whether the headers of the images say what the tables of the main file say of them.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::cache::file::CacheFile;
use crate::cache::group::CacheGroup;
use crate::macho;

use super::paths::Paths;
use super::{Findings, headers};

/// Bytes of headers that are read beyond those that the files hold: see the scavenger.
const SPARE: u64 = 1 << 20;

pub(super) fn check(group: &CacheGroup, findings: &mut Findings) {
    let main = &group.main().file;
    if main.text_infos().len() != 0 {
        findings.compare(main.image_count(), main.text_infos().len(), |images, texts| {
            format!("the header lists {images} images, and the texts of {texts}")
        });
    }
    let all = group.files().iter().map(|file| file.file.bytes().len() as u64).fold(SPARE, u64::saturating_add);
    let mut left = all;
    let mut texts = main.text_infos();
    let paths = Paths::of(group, findings);
    let mut seen = BTreeMap::new();
    for (index, image) in main.own_images().enumerate() {
        let (address, text) = (image.address.0, texts.next().filter(|text| text.address == image.address));
        let name = || name(main, image.path_offset, index);
        if let Some(first) = seen.insert(address, index) {
            findings.add(|| format!("{}: lies at {address:#x} as images[{first}] does", name()));
        }
        // What cannot be read was said by the scavenger.
        let Some(header) = group.bytes_from(address) else { continue };
        let size = macho::outline_size(header).unwrap_or_default();
        let Some(rest) = left.checked_sub(size as u64) else { return };
        left = rest;
        let mut text_size = None;
        let mut lost = Vec::new();
        let outline = macho::outline(header, |segment| {
            if segment.name == "__TEXT" {
                text_size.get_or_insert((segment.preferred_load_address, segment.vm_size));
            }
            let (start, in_file) = (segment.preferred_load_address, segment.file_size.min(segment.vm_size));
            if in_file != 0 && group.at(start).is_none_or(|place| place.left < in_file) {
                lost.push((segment.name, start, in_file));
            }
        });
        let Ok(outline) = outline else { continue };
        // Segments of files that are missing are missing with them.
        for (segment, start, size) in lost.into_iter().filter(|_| group.missing().is_empty()) {
            findings
                .add(|| format!("{}: {segment} at {start:#x} has {size:#x} bytes that no one mapping holds", name()));
        }
        if let Some((start, _)) = text_size.filter(|(start, _)| *start != address) {
            findings.add(|| format!("{}: its header says that it lies at {start:#x}, the table {address:#x}", name()));
        }
        // The places of another image say nothing new.
        if text_size.is_none_or(|(start, _)| start == address) {
            headers::check(group, &paths, (address, header), name, findings);
        }
        let Some(text) = text else { continue };
        if let Some(uuid) = outline.uuid.filter(|uuid| uuid != text.uuid.as_bytes()) {
            let (uuid, table) = (Uuid::from_bytes(uuid), text.uuid);
            findings.add(|| {
                let [uuid, table] = [uuid, table].map(Uuid::hyphenated);
                format!("{}: its header has the UUID {uuid:X}, the table {table:X}", name())
            });
        }
        if let Some((_, size)) = text_size.filter(|(_, size)| *size != u64::from(text.text_size)) {
            findings.add(|| format!("{}: its text has {size:#x} bytes, in the table {:#x}", name(), text.text_size));
        }
    }
}

fn name(main: &CacheFile, path_offset: u32, index: usize) -> String {
    let path = main.path_at(path_offset).map(|path| String::from_utf8_lossy(path).into_owned());
    path.unwrap_or_else(|| format!("images[{index}]"))
}
