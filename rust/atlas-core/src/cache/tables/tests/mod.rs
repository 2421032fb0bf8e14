//! Tables that a cache may have.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod aot;
mod dylibs;
mod local_symbols;
mod others;

use crate::cache::CacheGroup;
use crate::cache::file::tests::builder::Builder;
use crate::cache::group::tests::shelf::{BASE, MAIN, Shelf};

/// A cache of one file that holds `images` images.
fn cache(size: usize, images: usize) -> Builder {
    let mut builder = Builder::new("dyld_v1  arm64e", size);
    builder.images = vec![(BASE + 0x1000, "/usr/lib/liba.dylib"); images];
    builder
}

fn open(builder: &Builder) -> CacheGroup {
    Shelf::default().with(MAIN, builder.build()).open(MAIN).unwrap()
}
