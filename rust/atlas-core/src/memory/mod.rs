//! Owns the way from addresses to bytes: of a shared cache's files, and of Mach-O files that lie in no cache.
//!
//! * [`CacheMemory`]: the memory of one cache; reads, buffers without a copy, slid reads, pointers, tables, pinning
//! * [`ImageFile`]: the memory of one Mach-O file, chosen by UUID
//! * [`SourceFile`]: a file that both are made of, opened once per process
//!
//! What the bytes mean is not known here. Must not know processes, or hand out a byte of a file that was cut short
//! since it was opened, as far as that can be known: see docs/SAFETY.md.
#![forbid(unsafe_code)]

mod cache_memory;
mod cache_tables;
mod files;
mod image_file;
mod pin;
mod pointers;
mod space;

pub use cache_memory::CacheMemory;
pub use files::SourceFile;
pub use image_file::ImageFile;
pub use pin::UnpinError;
pub use pointers::Pointers;
pub use space::MOST_ADDRESS_SPACE;
