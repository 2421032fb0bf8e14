//! Owns the classes of `dyld_atlas.formats`: archives, property lists, Mach-O files, as the core reads and writes them.
//!
//! Must not decode a byte.
