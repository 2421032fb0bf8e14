//! Whether each file keeps the rules that dyld has for it, and whether all are there.

use std::collections::BTreeMap;

use crate::cache::file::{CacheFile, Mapping};
use crate::cache::group::{CacheGroup, GroupFile};
use crate::cache::slide::SlideInfo;

use super::Findings;

const READ: u32 = 1;

/// Faulty pages of one mapping that are counted: nobody needs more to see what is wrong.
const MOST_PAGES: usize = 1000;

pub(super) fn check(group: &CacheGroup, findings: &mut Findings) {
    for name in group.missing() {
        findings.add(|| format!("{name}: the file is missing, or is not the one that the cache names"));
    }
    for warning in group.warnings() {
        findings.add(|| warning.clone());
    }
    let mut seen = BTreeMap::new();
    for GroupFile { name, file, uuid, .. } in group.files() {
        mappings(name, file.mappings(), findings);
        protections(name, file, findings);
        signature(name, file, findings);
        slides(name, file, group.pointer_size(), findings);
        if let Some(other) = uuid.and_then(|uuid| seen.insert(uuid, name)) {
            findings.add(|| format!("{name}: has the UUID of {other}"));
        }
    }
    let offsets = || group.files().iter().zip(group.files().iter().skip(1));
    for (before, after) in offsets().filter(|(before, after)| after.vm_offset < before.vm_offset) {
        findings.add(|| format!("{}: lies before {}, which the header lists first", after.name, before.name));
    }
    if let Some(GroupFile { name, file, .. }) = group.symbols() {
        signature(name, file, findings);
    }
    alike(group, findings);
    region(group, findings);
}

/// What the two tables of mappings say of protections, of which the kernel takes those of the one with slide info.
fn protections(name: &str, file: &CacheFile, findings: &mut Findings) {
    let plain = file.plain_protections();
    for (index, (mapping, plain)) in file.mappings().iter().zip(plain).enumerate() {
        let protections = (mapping.max_protection, mapping.initial_protection);
        findings.compare(protections, plain, |(max, initial), (plain_max, plain_initial)| {
            format!(
                "{name}: mappings[{index}] has the protections {max} and {initial}, {plain_max} and {plain_initial} without slide info"
            )
        });
    }
}

/// All files say where they lie, and are for the same platform and of the same type.
fn alike(group: &CacheGroup, findings: &mut Findings) {
    let main = group.main().file.header();
    for GroupFile { name, file, .. } in group.files() {
        let (header, base) = (file.header(), file.base_address());
        if let Some(start) = header.shared_region_start.filter(|start| *start != base) {
            findings.add(|| {
                format!("{name}: sharedRegionStart is {:#x}, the first mapping begins at {:#x}", start.0, base.0)
            });
        }
        findings.compare(main.platform, header.platform, |main, own| {
            format!("{name}: is for platform {}, the main file for {}", number(own), number(main))
        });
        findings.compare(main.cache_type, header.cache_type, |main, own| {
            format!("{name}: is of cache type {}, the main file of {}", number(own), number(main))
        });
    }
}

fn number(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

/// What dyld asks of the mappings of one file.
fn mappings(name: &str, mappings: &[Mapping], findings: &mut Findings) {
    if let Some(first) = mappings.first().filter(|first| first.file_offset != 0) {
        let offset = first.file_offset;
        findings
            .add(|| format!("{name}: mappings[0] begins at offset {offset:#x} of the file, and not with its header"));
    }
    for (index, (before, after)) in mappings.iter().zip(mappings.iter().skip(1)).enumerate() {
        let next = index.saturating_add(1);
        let end = before.address.0.saturating_add(before.size);
        if after.address.0 < end {
            let start = after.address.0;
            findings.add(|| {
                format!("{name}: mappings[{next}] begins at {start:#x}, before the end of the one before it, {end:#x}")
            });
        }
        let end = before.file_offset.saturating_add(before.size);
        findings.compare(end, after.file_offset, |expected, found| {
            format!("{name}: mappings[{next}] begins at offset {found:#x} of the file, the one before it ends at {expected:#x}")
        });
    }
    if let Some(last) = mappings.last().filter(|last| mappings.len() > 1 && last.max_protection != READ) {
        let protection = last.max_protection;
        findings.add(|| format!("{name}: the last mapping can be more than read (protection {protection})"));
    }
}

/// Slide info can be read, and leads to pointers alone.
fn slides(name: &str, file: &CacheFile, pointer_size: u8, findings: &mut Findings) {
    for (index, mapping) in file.mappings().iter().enumerate() {
        let info = match SlideInfo::of(file, mapping, pointer_size) {
            Ok(Some(info)) => info,
            Ok(None) => continue,
            Err(error) => {
                findings.add(|| format!("{name}: mappings[{index}]: slide info: {error}"));
                continue;
            }
        };
        let bytes = file.bytes().get(mapping.file_range(file.bytes().len())).unwrap_or_default();
        let mut faults = info.pointers(bytes).filter_map(Result::err);
        if let Some(first) = faults.next() {
            findings.add(|| match faults.take(MOST_PAGES).count() {
                0 => format!("{name}: mappings[{index}]: slide info: {first}"),
                MOST_PAGES => format!(
                    "{name}: mappings[{index}]: slide info: {first}, and faults in {MOST_PAGES} more pages or more"
                ),
                more => format!("{name}: mappings[{index}]: slide info: {first}, and faults in {more} more pages"),
            });
        }
    }
}

/// The signature ends the file.
fn signature(name: &str, file: &CacheFile, findings: &mut Findings) {
    let length = file.bytes().len() as u64;
    let Some(signature) = file.header().code_signature else { return };
    // A size of 0 means to the end.
    let end = if signature.size == 0 { length } else { signature.offset.saturating_add(signature.size) };
    findings.compare(end, length, |end, length| {
        format!("{name}: the code signature ends at {end:#x}, the file at {length:#x}")
    });
}

/// The address space that the header asks for holds all files.
fn region(group: &CacheGroup, findings: &mut Findings) {
    let main = &group.main().file;
    let Some(size) = main.header().shared_region_size.filter(|size| *size != 0) else { return };
    let base = main.base_address().0;
    let end = base.saturating_add(size);
    for GroupFile { name, file, .. } in group.files() {
        for mapping in file.mappings() {
            let (start, mapping_end) = (mapping.address.0, mapping.address.0.saturating_add(mapping.size));
            if start < base || mapping_end > end {
                findings.add(|| {
                    format!("{name}: maps {start:#x} to {mapping_end:#x}, outside of the cache's {base:#x} to {end:#x}")
                });
            }
        }
    }
}
