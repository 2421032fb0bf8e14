//! The files of the checkout.

use std::path::{Path, PathBuf};

/// A text file: its path from the checkout's top, with `/`, and what it holds.
#[derive(Clone, Debug)]
pub struct TextFile {
    pub path: String,
    pub text: String,
}

impl TextFile {
    /// A file that exists only here, to try a checker on.
    pub fn sample(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Whether the file is a test or serves only tests.
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.split('/').any(|part| part == "tests")
            || matches!(name, "tests.rs" | "conftest.py")
            || name.starts_with("test_")
    }

    /// Whether the name ends in one of `extensions`.
    pub fn is_a(&self, extensions: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
    }
}

/// The top folder of the checkout.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// What builds, tests and people leave behind; nothing of it belongs to the project.
fn is_left_behind(name: &str) -> bool {
    const FOLDERS: [&str; 8] =
        ["target", "dist", "node_modules", "corpus", "artifacts", "coverage", "__pycache__", "build"];
    FOLDERS.contains(&name) || name.starts_with("target-") || (name.starts_with('.') && name != ".ci")
}

/// Every text file of the project. Links are left out: what they point at stands elsewhere in the tree.
pub fn files() -> Vec<TextFile> {
    let top = top();
    let mut found = Vec::new();
    let mut folders = vec![top.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            let name = entry.file_name().into_string().unwrap();
            if is_left_behind(&name) {
                continue;
            }
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file()
                && let Ok(text) = std::fs::read_to_string(entry.path())
            {
                let path = entry.path().strip_prefix(&top).unwrap().to_str().unwrap().replace('\\', "/");
                found.push(TextFile { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}
