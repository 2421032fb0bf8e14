//! Paths as they stand in a core: up to a NUL, where there is one.

use super::super::written::LONGEST_PATH;
use super::counted;

/// Bytes of a path that are read; Darwin's longest has 1024, with its NUL.
pub(super) const LONGEST: usize = LONGEST_PATH / 4;

/// Reads paths, up to a bound for all of them, and counts what could not be read whole.
#[derive(Debug, Default)]
pub(super) struct Paths {
    left: usize,
    cut: usize,
    refused: usize,
}

impl Paths {
    /// For paths of `most` bytes together. Many entries may point to one.
    pub(super) const fn new(most: usize) -> Self {
        Self { left: most, cut: 0, refused: 0 }
    }

    /// The path at the beginning of `bytes`, up to a NUL; without one it ends with `bytes` where `is_all` says so, and
    /// is cut otherwise. `None` where it is empty, or too much was read already.
    pub(super) fn read(&mut self, bytes: &[u8], is_all: bool) -> Option<String> {
        let (bytes, is_all) = bytes.get(..LONGEST).map_or((bytes, is_all), |start| (start, false));
        let end = bytes.iter().position(|byte| *byte == 0);
        let is_whole = is_all || end.is_some();
        let bytes = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        let bytes = if is_whole { bytes } else { whole_characters(bytes) };
        if bytes.is_empty() {
            return None;
        }
        // What is no UTF-8 grows.
        let path = String::from_utf8_lossy(bytes);
        let Some(left) = self.left.checked_sub(path.len()) else {
            self.refused = self.refused.saturating_add(1);
            return None;
        };
        self.left = left;
        self.cut = self.cut.saturating_add(usize::from(!is_whole));
        Some(path.into_owned())
    }

    /// What there is to be said of the paths of `place`.
    pub(super) fn warnings(&self, place: &str) -> impl Iterator<Item = String> {
        let cut = format!("{} paths {place} have no end within {LONGEST} bytes, and are cut", self.cut);
        let refused = format!("{} paths {place} are left out: all together are too long", self.refused);
        counted([(self.cut, cut), (self.refused, refused)])
    }
}

/// `bytes` without the beginning of a character whose rest was cut off.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    let is_first = |byte: &u8| byte & 0xc0 != 0x80;
    let Some((start, last)) =
        bytes.iter().rposition(is_first).and_then(|last| Some((bytes.get(..last)?, bytes.get(last..)?)))
    else {
        return bytes;
    };
    match std::str::from_utf8(last) {
        Err(error) if error.error_len().is_none() => start,
        _ => bytes,
    }
}
