//! Slide info, written by an encoder of its own and by hand.

mod hostile;
mod random;
mod vectors;

#[path = "../../../../tests/support/slide.rs"]
mod encoder;

use super::*;
use crate::address::PreferredAddress;

fn mapping(address: u64, size: u64) -> Mapping {
    Mapping {
        address: PreferredAddress(address),
        size,
        file_offset: 0,
        slide_info: None,
        flags: 0,
        max_protection: 3,
        initial_protection: 3,
    }
}

fn plain(address: u64, target: u64, size: u8) -> Pointer {
    Pointer { address, target, size, authentication: None }
}

fn signed(address: u64, target: u64, key: Key, diversity: u16, address_diversity: bool) -> Pointer {
    let authentication = Some(Authentication { key, diversity, address_diversity });
    Pointer { address, target, size: 8, authentication }
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn halves(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn longs(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Slide info of version 2 or 4.
fn linked(version: u32, page_size: u32, mask: u64, add: u64, starts: &[u16], extras: &[u16]) -> Vec<u8> {
    let after = 40 + 2 * starts.len() as u32;
    let tables = words(&[version, page_size, 40, starts.len() as u32, after, extras.len() as u32]);
    [tables, longs(&[mask, add]), halves(starts), halves(extras)].concat()
}

/// Slide info of version 3 or 5.
fn chained(version: u32, page_size: u32, add: u64, starts: &[u16]) -> Vec<u8> {
    [words(&[version, page_size, starts.len() as u32, 0]), longs(&[add]), halves(starts)].concat()
}

/// Slide info of a cache whose pointers are as wide as the addresses of `mapping` need.
fn parse<'a>(info: &'a [u8], mapping: &Mapping) -> Result<SlideInfo<'a>> {
    SlideInfo::parse(info, mapping, if mapping.address.0 >> 32 == 0 { 4 } else { 8 })
}

/// All pointers, of which each is sound.
fn pointers(info: &[u8], mapping: &Mapping, bytes: &[u8]) -> Vec<Pointer> {
    parse(info, mapping).unwrap().pointers(bytes).map(Result::unwrap).collect()
}

/// The whole mapping at a slide.
fn rebased(info: &[u8], mapping: &Mapping, bytes: &[u8], slide: u64) -> Vec<u8> {
    let mut window = bytes.to_vec();
    parse(info, mapping).unwrap().rebase(bytes, 0, &mut window, slide).unwrap();
    window
}
