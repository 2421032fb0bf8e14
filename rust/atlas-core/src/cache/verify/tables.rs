//! Whether the tables that a cache may have or not lie where its header says, and lead to what is there.

use std::collections::HashSet;

use crate::cache::file::OffsetRange;
use crate::cache::group::CacheGroup;
use crate::cache::local_symbols::{LocalSymbols, LocalSymbolsEntry};
use crate::cache::tables::{FunctionVariants, Prewarming, embedded_atlas, tpro_mappings};
use crate::error::Result;

use super::Findings;

pub(super) fn check(group: &CacheGroup, findings: &mut Findings) {
    let is_whole = group.missing().is_empty();
    let header = group.main().file.header();
    match tpro_mappings(group) {
        Ok(ranges) => {
            for (index, range) in ranges.iter().enumerate().filter(|(_, range)| is_whole && range.size != 0) {
                let start = range.address.0;
                if group.at(start).is_none() {
                    findings.add(|| format!("tproMappings[{index}]: lies at {start:#x}, where nothing is mapped"));
                }
            }
        }
        Err(error) => findings.add(|| error.to_string()),
    }
    // These lie in memory, and that may be of files that are missing.
    if is_whole {
        let mut said = |table: Result<()>| {
            if let Err(error) = table {
                findings.add(|| error.to_string());
            }
        };
        said(Prewarming::of(group).map(drop));
        said(FunctionVariants::of(group).map(drop));
        said(embedded_atlas(group).map(drop));
        for (what, range) in [("swiftOpts", header.swift_optimizations), ("objcOpts", header.objc_optimizations)] {
            opaque(group, what, range, findings);
        }
    }
    symbols(group, findings);
}

/// A table that is not read here begins in memory of the cache.
fn opaque(group: &CacheGroup, what: &str, range: Option<OffsetRange>, findings: &mut Findings) {
    let Some(OffsetRange { vm_offset, .. }) = range.filter(|range| range.size != 0) else { return };
    let address = group.main().file.base_address().0.wrapping_add(vm_offset);
    if group.at(address).is_none() {
        findings.add(|| format!("{what}: lies at {address:#x}, where nothing is mapped"));
    }
}

/// Local symbols belong to images, and their names stand in the block.
fn symbols(group: &CacheGroup, findings: &mut Findings) {
    let (symbols, holder) = match LocalSymbols::of(group) {
        Ok(Some(symbols)) => (symbols, group.symbols().unwrap_or(group.main()).name.as_str()),
        Ok(None) => {
            if let Some(file) = group.symbols() {
                findings.add(|| format!("{}: holds no local symbols", file.name));
            }
            return;
        }
        Err(error) => return findings.add(|| format!("local symbols: {error}")),
    };
    let images: HashSet<_> = group.main().file.images().map(|image| image.address).collect();
    let count = symbols.len() as u64;
    for (index, entry) in symbols.entries().enumerate() {
        let LocalSymbolsEntry { dylib_offset, start, count: own } = entry;
        if !images.contains(&symbols.image_address(entry)) {
            findings.add(|| format!("{holder}: local symbols: entries[{index}] is of no image ({dylib_offset:#x})"));
        }
        let end = u64::from(start).saturating_add(own.into());
        if end > count {
            findings.add(|| format!("{holder}: local symbols: entries[{index}] ends at symbol {end} of {count}"));
        }
    }
    // All at once: entries may overlap.
    let all = LocalSymbolsEntry { dylib_offset: 0, start: 0, count: u32::try_from(count).unwrap_or(u32::MAX) };
    let size = symbols.strings().len() as u64;
    let mut outside = symbols.symbols(all).enumerate().filter(|(_, symbol)| u64::from(symbol.name_offset) >= size);
    if let Some((first, symbol)) = outside.next() {
        let (offset, more) = (symbol.name_offset, outside.count());
        findings.add(|| {
            format!(
                "{holder}: local symbols: the name of symbol {first} is at {offset:#x} of {size:#x} bytes of strings, {more} more leave these"
            )
        });
    }
}
