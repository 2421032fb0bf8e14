//! Where the conformance suites find bytes that the project did not write.

use std::path::{Path, PathBuf};

/// The folder `name` of the fixtures, or `None` where there are none: that is an error where CI runs, and said elsewhere.
pub fn fixtures(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let root = std::env::var_os("DYLD_ATLAS_FIXTURES").map_or(beside, PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "CI needs the fixtures, and there are none in {}", folder.display());
    eprintln!("SKIPPED: no fixtures in {} (set DYLD_ATLAS_FIXTURES)", folder.display());
    None
}
