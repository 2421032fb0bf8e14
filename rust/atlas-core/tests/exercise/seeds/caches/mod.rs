//! Shared caches of every generation, written from a plan, with all that was written to compare with what is read.
//!
//! The builder knows the format and nothing of the crate. Its caches are sound; what damages them stands elsewhere.

mod header;
mod image;
mod inputs;
mod layout;
mod plans;
mod words;

#[path = "../../../support/slide.rs"]
pub mod slide;

pub use inputs::{packed_caches, packed_slides};
pub use layout::{Region, build};
pub use plans::{ARM64, ARM64_32, ARM64E, Processor, X86_64, generations};

use slide::Slot;

/// What to build.
#[derive(Clone, Debug)]
pub struct Plan {
    pub processor: Processor,
    /// `mappingOffset`: decides on every field that comes with it.
    pub header_size: usize,
    pub images: usize,
    /// Files beside the main one, without that of the symbols. The last holds the linked-edit data, the one before it
    /// the data, if there are so many.
    pub subcaches: usize,
    /// Local symbols: in a file of their own where the header can name one, else in the main file.
    pub symbols: bool,
    /// The version of the slide info; 0 for none.
    pub slide: u32,
    /// Of mappings, in bytes.
    pub alignment: usize,
}

impl Plan {
    /// A small cache in one file.
    pub fn new(processor: Processor, header_size: usize, slide: u32) -> Self {
        Self { processor, header_size, images: 3, subcaches: 0, symbols: false, slide, alignment: 0x100 }
    }

    pub fn images(self, images: usize) -> Self {
        Self { images, ..self }
    }

    pub fn split(self, subcaches: usize) -> Self {
        Self { subcaches, ..self }
    }

    pub fn with_symbols(self) -> Self {
        Self { symbols: true, ..self }
    }

    pub fn aligned(self, alignment: usize) -> Self {
        Self { alignment, ..self }
    }

    /// Whether a field that ends at `end` is in the header.
    pub fn has(&self, end: usize) -> bool {
        end <= self.header_size
    }

    /// `imagesOffset` and `imagesCount`, dyld-940: the others are 0 then.
    pub fn has_new_images(&self) -> bool {
        self.has(0x1c8)
    }

    /// Whether the entries of subcaches hold suffixes, dyld-1042.1.
    pub fn has_suffixes(&self) -> bool {
        self.header_size > 0x1c8
    }

    /// Whether local symbols stand in a file of their own.
    pub fn has_symbol_file(&self) -> bool {
        self.symbols && self.has(0x1a0)
    }

    pub fn main_name(&self) -> String {
        format!("dyld_shared_cache_{}", self.processor.file_name)
    }

    pub fn suffix(&self, file: usize) -> String {
        let role = match self.subcaches {
            _ if self.processor.cpu.0 & 0xff == 7 => "",
            last if last == file && last > 1 => ".dyldlinkedit",
            last if file == last.saturating_sub(1).max(1) => ".dylddata",
            _ => "",
        };
        if self.has_suffixes() { format!(".{file:02}{role}") } else { format!(".{file}") }
    }
}

/// A segment as its load command has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub name: &'static str,
    pub address: u64,
    pub size: u64,
    pub file_offset: u64,
    /// The file that the offset is one in.
    pub file: usize,
}

/// An image.
#[derive(Clone, Debug)]
pub struct Image {
    pub address: u64,
    pub path: String,
    pub uuid: [u8; 16],
    pub text_size: u32,
    pub segments: Vec<Segment>,
}

/// A local symbol: of which image, where, and how it is called.
#[derive(Clone, Debug)]
pub struct Local {
    pub image: usize,
    pub address: u64,
    pub name: String,
}

/// One file of a cache.
#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    pub uuid: [u8; 16],
    pub regions: Vec<Region>,
    pub bytes: Vec<u8>,
}

/// A cache, and what is in it.
#[derive(Clone, Debug)]
pub struct Cache {
    pub plan: Plan,
    /// The main file, the subcaches, then the file of local symbols.
    pub files: Vec<File>,
    pub images: Vec<Image>,
    /// Pointers, and numbers that chains pass through, in the order of their addresses.
    pub slots: Vec<(u64, Slot)>,
    pub locals: Vec<Local>,
}

impl Cache {
    /// The bytes of the file `name`.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.iter().find(|file| file.name == name).map(|file| file.bytes.as_slice())
    }

    /// The main file and the subcaches.
    pub fn mapped(&self) -> &[File] {
        &self.files[..=self.plan.subcaches]
    }
}
