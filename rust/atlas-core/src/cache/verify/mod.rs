//! Owns the question whether a cache fits together: its atlas, its headers, its files.
//!
//! Everything that does not is a sentence. Nothing is an error: who asks wants to know all of it.
//!
//! Must not read more of an image than its header; of data, it follows the pointers that slide.
#![forbid(unsafe_code)]

mod atlas;
mod files;
mod headers;
mod images;
mod paths;
mod tables;
#[cfg(test)]
mod tests;

use super::group::CacheGroup;
use super::known::KnownCache;

/// What does not fit together in the cache of `group`, of which `headers` is what was scavenged; with `atlas`, also
/// where that says something else. Empty: all of it fits.
#[must_use]
pub fn verify(group: &CacheGroup, headers: &KnownCache, atlas: Option<&KnownCache>) -> Vec<String> {
    let mut findings = Findings::default();
    files::check(group, &mut findings);
    for warning in headers.warnings() {
        findings.add(|| warning.clone());
    }
    tables::check(group, &mut findings);
    images::check(group, &mut findings);
    if let Some(atlas) = atlas {
        atlas::check(group, headers, atlas, &mut findings);
    }
    findings.finish()
}

/// Sentences, a bounded number of them.
#[derive(Default)]
struct Findings {
    sentences: Vec<String>,
    more: usize,
}

impl Findings {
    /// Where nothing fits there is one for each image: nobody reads more than these.
    const MOST: usize = 1000;

    fn add(&mut self, sentence: impl FnOnce() -> String) {
        if self.sentences.len() < Self::MOST {
            self.sentences.push(sentence());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Adds a sentence where `found` is not `expected`.
    fn compare<T: PartialEq>(&mut self, expected: T, found: T, sentence: impl FnOnce(T, T) -> String) {
        if expected != found {
            self.add(|| sentence(expected, found));
        }
    }

    fn finish(mut self) -> Vec<String> {
        if self.more != 0 {
            self.sentences.push(format!("{} more findings", self.more));
        }
        self.sentences
    }
}
