//! Where the conformance suites find bytes that the project did not write.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The file or folder `name` of the fixtures (`DYLD_ATLAS_FIXTURES`, else `../shared/fixtures` beside the checkout).
///
/// `None` where it is absent, which is said; where continuous integration runs (`CI=true`), it fails.
pub fn fixtures(name: &str) -> Option<PathBuf> {
    present(from_environment("DYLD_ATLAS_FIXTURES", "../shared/fixtures").join(name), "set DYLD_ATLAS_FIXTURES")
}

/// The folder that the environment names, else one relative to the checkout.
pub fn from_environment(variable: &str, default: &str) -> PathBuf {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os(variable).map_or_else(|| checkout.join(default), PathBuf::from)
}

/// `path`, where there is such a thing; else as [`fixtures`], with what helps.
pub fn present(path: PathBuf, help: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    let message = format!("{} is absent ({help})", path.display());
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI needs all fixtures: {message}");
    eprintln!("SKIPPED: {message}");
    None
}

/// A file of JSON.
pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A list in JSON.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}"))
}
