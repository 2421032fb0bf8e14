//! The text that dyld's builder leaves beside a cache, as `dyld_shared_cache_arm64e.map`.

use std::fmt::Write as _;

use super::file::Mapping;
use super::group::CacheGroup;
use super::known::KnownCache;

const MEBIBYTE: u64 = 1 << 20;
const KIBIBYTE: u64 = 1 << 10;
const READ: u32 = 1;
const EXECUTE: u32 = 4;

/// The mappings of all files of `group`, then the images of `known` with their segments, unslid.
#[must_use]
pub fn map_text(group: &CacheGroup, known: &KnownCache) -> String {
    let mut text = String::new();
    for mapping in group.files().iter().flat_map(|file| file.file.mappings()) {
        // Writing to a string cannot fail.
        let _ = mapping_line(&mut text, mapping);
    }
    text.push_str("\n\n");
    let columns = known.columns();
    for (index, image) in columns.images.iter().enumerate() {
        let name = known.text(image.install_name).or_else(|| known.text(image.file_path));
        text.push_str(&name.map_or_else(Default::default, |name| name.decode_lossy()));
        text.push('\n');
        for segment in columns.segments_of(index) {
            let name = known.text(segment.name).map_or_else(Default::default, |name| name.decode_lossy());
            let start = segment.preferred_load_address;
            let end = start.wrapping_add(segment.vm_size);
            let _ = writeln!(text, "\t{name:>16} 0x{start:08X} -> 0x{end:08X}");
        }
        text.push('\n');
    }
    text
}

fn mapping_line(text: &mut String, mapping: &Mapping) -> std::fmt::Result {
    let protection = match mapping.max_protection {
        protection if protection == READ | EXECUTE => "EX",
        READ => "RO",
        _ => "RW",
    };
    let (size, unit) =
        if mapping.size > MEBIBYTE { (mapping.size / MEBIBYTE, "MB") } else { (mapping.size / KIBIBYTE, "KB") };
    let (start, end) = (mapping.address.0, mapping.address.0.wrapping_add(mapping.size));
    writeln!(text, "mapping  {protection} {size:4}{unit} 0x{start:X} -> 0x{end:X}")
}
