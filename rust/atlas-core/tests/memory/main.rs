//! Addresses become bytes: caches of random shape against a plain array, pins, Mach-O files, files cut short, real
//! caches.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "../support/slide.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod slide;
#[path = "../support/mod.rs"]
mod support;

mod builder;
mod cut_short;
mod fixtures;
mod images;
mod model;
mod pins;
mod pointers;
mod speed;
