//! What a file is that is no shared cache, for errors that help.

use std::borrow::Cow;

use crate::cache::aot;
use crate::error::Error;
use crate::macho;

/// The error for bytes that do not begin as a cache does.
#[cold]
pub(super) fn refuse(bytes: &[u8]) -> Error {
    const BESIDE: &str = "open the cache itself: the file beside it whose name has no extension";
    const KNOWN: [(&[u8], &str, &str); 5] = [
        (b"AA01", "an Apple Archive, perhaps the atlas of a cache", BESIDE),
        (b"YAA1", "an Apple Archive, perhaps the atlas of a cache", BESIDE),
        (b"pbz", "a compressed Apple Archive, perhaps the atlas of a cache", BESIDE),
        (b"mapping  ", "text, perhaps the map of a cache", BESIDE),
        (&aot::MAGIC, "the cache of Rosetta's translations", "open dyld_shared_cache_x86_64 beside it"),
    ];
    let error =
        |found: Cow<'static, str>| Error::cache("a shared cache, which begins with dyld_v1", found).at_offset(0);
    match KNOWN.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        Some((_, found, hint)) => error(Cow::Borrowed(found)).with_hint(*hint),
        None if bytes.is_empty() => error(Cow::Borrowed("an empty file")),
        None => error(macho::describe(bytes)),
    }
}
