//! The files of a cache as a record lists them.

use crate::cache::file::{CacheFile, Mapping};
use crate::cache::group::{CacheGroup, DEVELOPMENT};
use crate::schema::{MappingRow, SubCacheRow};

/// The name that the other files of a cache begin with: caches for customers and for development share files.
pub(super) fn base_name(group: &CacheGroup) -> &str {
    let main = group.main().name.as_str();
    main.strip_suffix(DEVELOPMENT).unwrap_or(main)
}

/// Bytes of address space of the whole cache.
///
/// Since dyld-940 the header says it. Before, the same field held the size of the region that the cache lies in, 4 GiB
/// for a cache of any size, and some generations have no such field.
pub(super) fn vm_size(group: &CacheGroup) -> u64 {
    let main = &group.main().file;
    let stated = main.header().shared_region_size.filter(|&size| size != 0 && main.header().can_be_split());
    let base = main.base_address().0;
    stated.unwrap_or_else(|| group.files().iter().map(|file| reach(&file.file, base)).max().unwrap_or_default())
}

/// How many bytes are between `base` and the end of the last mapping of `file`.
fn reach(file: &CacheFile, base: u64) -> u64 {
    file.mappings().iter().map(|mapping| mapping.reach_from(base)).max().unwrap_or_default()
}

/// The main file and the others in the order of its header, those that are missing as far as the header describes them.
#[must_use]
pub fn rows(group: &CacheGroup) -> Vec<SubCacheRow> {
    let base = group.main().file.base_address().0;
    let present = group.files().iter().map(|file| {
        let address = file.file.base_address().0;
        SubCacheRow {
            name: file.name.clone(),
            uuid: file.uuid.unwrap_or_default(),
            vm_offset: address.wrapping_sub(base),
            vm_size: reach(&file.file, address),
            file_size: file.file.bytes().len() as u64,
            preferred_load_address: address,
            mappings: file.file.mappings().iter().map(mapping).collect(),
        }
    });
    let mut present = present.peekable();
    let mut rows: Vec<SubCacheRow> = present.next().into_iter().collect();
    for entry in group.main().file.subcache_entries() {
        let name = format!("{}{}", base_name(group), entry.suffix);
        // Those that are there stand in the order of the header, and have the UUID that it names.
        match present.next_if(|row| row.uuid == entry.uuid && row.name.ends_with(&entry.suffix)) {
            Some(row) => rows.push(row),
            None if group.missing().contains(&name) => rows.push(SubCacheRow {
                name,
                uuid: entry.uuid,
                vm_offset: entry.vm_offset,
                vm_size: 0,
                file_size: 0,
                preferred_load_address: base.wrapping_add(entry.vm_offset),
                mappings: Vec::new(),
            }),
            None => {}
        }
    }
    rows
}

fn mapping(mapping: &Mapping) -> MappingRow {
    MappingRow {
        preferred_load_address: mapping.address.0,
        size: mapping.size,
        file_offset: mapping.file_offset,
        max_protection: mapping.max_protection.into(),
    }
}
