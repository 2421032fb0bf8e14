//! `aot_shared_cache`: the cache of Rosetta's translations, recognised and named. Its code is not read.

/// What the file begins with.
pub(super) const MAGIC: &[u8] = b"AotCache";
