//! Records from headers: caches of every generation, in parts, and of no sense.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod aliases;
mod broken;
mod generations;
mod hostile;

use super::scavenge;
use crate::bytes::Mode;
use crate::cache::file::tests::builder::{Builder, map};
use crate::cache::group::tests::shelf::Shelf;
use crate::cache::{CacheGroup, KnownCache};
use crate::macho::tests::builder as image;
use crate::schema::{Policy, SegmentRow};

const BASE: u64 = 0x1_8000_0000;
const MAIN: &str = "dyld_shared_cache_arm64e";

/// A cache of one file of `length` bytes, one mapping and these images.
fn single(magic: &'static str, size: usize, length: usize, images: &[(u64, &'static str)]) -> Builder {
    let mut file = Builder::new(magic, size);
    file.big = magic.ends_with("ppc");
    file.maps = vec![map(BASE, length as u64, 0)];
    file.images = images.to_vec();
    file.length = length;
    file
}

/// The header of a library at `address`.
fn library(cpu: (u32, u32), address: u64) -> Vec<u8> {
    let segment = |name, words, protection| image::SegmentSpec::new(name, words, protection);
    image::Builder::new(cpu)
        .segment(&segment("__TEXT", [address, 0x1000, 0x100, 0x1000], 5).section("__text", address, 0x10, 0x200))
        .uuid()
        .library(0xd, b"/not/the/path/of/the/table")
        .segment(&segment("__DATA_CONST", [address + 0x2000, 0x900, 0x300, 0x800], 1))
        .segment(&segment("__LINKEDIT", [address + 0x3000, 0x100, 0x400, 0x100], 1))
        .build()
}

fn group(main: &Builder) -> CacheGroup {
    Shelf::default().with(MAIN, main.build()).open(MAIN).unwrap()
}

fn known(group: &CacheGroup) -> KnownCache {
    scavenge(group, Mode::Map, Policy::default()).unwrap()
}

/// Name, protection, address, size, size in file, offset.
type Row = (String, u8, u64, u64, u64, u64);

fn segments(known: &KnownCache, image: usize) -> Vec<Row> {
    let row = |segment: &_| {
        let row = SegmentRow::from(segment);
        let name = known.text(row.name).unwrap().decode_lossy().into_owned();
        let offset = row.file_offset.unwrap();
        (name, row.permissions, row.preferred_load_address, row.vm_size, row.file_size, offset)
    };
    known.columns().segments_of(image).iter().map(row).collect()
}

fn name(known: &KnownCache, image: usize) -> Option<String> {
    let name = known.text(known.columns().images[image].install_name);
    name.map(|name| name.decode_lossy().into_owned())
}
