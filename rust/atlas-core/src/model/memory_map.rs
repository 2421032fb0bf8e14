//! A cache as an emulator maps it: whole pages, as few regions as there are kinds of memory.

use super::shared_cache::SharedCache;

/// What every system that runs caches has pages of, or a multiple of.
const PAGE: u64 = 0x1000;

/// A region of memory. Its bytes are those of its parts, and zeros between and behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryRegion {
    /// Where it begins, unslid: at a page.
    pub address: u64,
    /// Bytes of it: whole pages.
    pub size: u64,
    /// 1 read, 2 write, 4 execute: as it is protected at first, where only a record is at hand at most.
    pub permissions: u64,
    /// Address and size of each mapping in it, ascending.
    pub parts: Vec<(u64, u64)>,
}

impl MemoryRegion {
    /// Where it ends; one byte before that where it ends with the address space.
    const fn end(&self) -> u64 {
        self.address.saturating_add(self.size)
    }
}

impl SharedCache {
    /// The mappings of the files that are at hand, by their addresses, unslid. Those that follow each other at once and
    /// are protected in the same way are one region; so are those that share a page, with the permissions of all.
    #[must_use]
    pub fn memory_map(&self) -> Vec<MemoryRegion> {
        let mut parts: Vec<_> = self
            .mappings()
            .into_iter()
            .filter(|mapping| mapping.place.is_some() && mapping.row.size != 0)
            .map(|mapping| {
                let permissions = mapping.initial_protection.map_or(mapping.row.max_protection, u64::from);
                (mapping.row.preferred_load_address, mapping.row.size, permissions)
            })
            .collect();
        parts.sort_unstable();
        let mut regions: Vec<MemoryRegion> = Vec::new();
        for (address, size, permissions) in parts {
            let start = address & !(PAGE.wrapping_sub(1));
            let end = address.saturating_add(size).checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
            match regions.last_mut() {
                Some(last) if start < last.end() || (start == last.end() && permissions == last.permissions) => {
                    last.size = last.size.max(end.saturating_sub(last.address));
                    last.permissions |= permissions;
                    last.parts.push((address, size));
                }
                _ => {
                    let size_of_all = end.saturating_sub(start);
                    regions.push(MemoryRegion {
                        address: start,
                        size: size_of_all,
                        permissions,
                        parts: vec![(address, size)],
                    });
                }
            }
        }
        regions
    }
}
