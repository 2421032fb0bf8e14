//! What part of a cache a file is.

use crate::cache::file::CacheFile;
use crate::error::{Error, Result};

use super::beside::DEVELOPMENT;

/// Refuses a file that is a cache file but not a main one, and names the main one.
pub(in crate::cache) fn check_main(file: &CacheFile, name: &str) -> Result<()> {
    let header = file.header();
    let (stem, extension) = match name.find('.') {
        Some(dot) if dot > 0 => name.split_at(dot),
        _ => (name, ""),
    };
    let bare = file.images().len() == 0;
    // Only a main file says how much memory all files take. x86_64 repeats the images in every file, for Rosetta: there
    // the name decides. Elsewhere a file that lists images is a main one, whatever it is called.
    let repeats_images = file.architecture().starts_with("x86_64");
    let is_part = header.can_be_split()
        && header.shared_region_size == Some(0)
        && file.subcache_entries().is_empty()
        && (bare || (repeats_images && !matches!(extension, "" | DEVELOPMENT)));
    let found = match header.local_symbols {
        Some(range) if header.can_be_split() && bare && range.size != 0 => "the file of its local symbols",
        _ if is_part => "one of its subcaches",
        _ if file.mappings().is_empty() => "one without mappings",
        _ => return Ok(()),
    };
    let error = Error::cache("the main file of a shared cache", found);
    Err(match extension {
        "" => error.with_hint("open the main file beside it, whose name has no extension"),
        _ if extension.ends_with(DEVELOPMENT) => error.with_hint(format!("open {stem}{DEVELOPMENT} beside it")),
        _ => error.with_hint(format!("open {stem} beside it")),
    })
}
