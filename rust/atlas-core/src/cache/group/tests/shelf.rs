//! A folder in memory.

use std::collections::BTreeMap;
use std::io::{Error as IoError, ErrorKind::NotFound};
use std::path::{Path, PathBuf};

use crate::bytes::Bytes;
use crate::cache::CacheGroup;
use crate::cache::file::tests::builder::{Builder, map};
use crate::error::{Error, Result};

pub(in crate::cache) const BASE: u64 = 0x1_8000_0000;
pub(in crate::cache) const MAIN: &str = "dyld_shared_cache_arm64e";

/// Files by name.
#[derive(Clone, Debug, Default)]
pub(in crate::cache) struct Shelf {
    pub files: BTreeMap<String, Vec<u8>>,
    /// What was asked for, in order.
    pub asked: Vec<String>,
}

impl Shelf {
    pub(in crate::cache) fn with(mut self, name: &str, bytes: Vec<u8>) -> Self {
        self.files.insert(name.to_owned(), bytes);
        self
    }

    /// Opens the cache whose main file is `name`.
    pub(in crate::cache) fn open(&mut self, name: &str) -> Result<CacheGroup> {
        let folder = Path::new("/no/such/folder");
        let Self { files, asked } = self;
        CacheGroup::open(&folder.join(name), &mut |path| {
            assert_eq!(path.parent(), Some(folder), "{path:?} is not beside the main file");
            let leaf = path.file_name().unwrap().to_str().unwrap();
            asked.push(leaf.to_owned());
            let bytes = files.get(leaf).cloned().map(Bytes::from);
            bytes.ok_or_else(|| Error::io(PathBuf::from(path), IoError::from(NotFound)))
        })
    }
}

/// A main file of three subcaches and a file of local symbols; each file holds its own number at 0x3000.
pub(in crate::cache) fn main_file(suffixes: [&'static str; 3], size: usize) -> Builder {
    let mut main = Builder::new("dyld_v1  arm64e", size).piece(0x3000, vec![0]);
    main.uuid = [9; 16];
    main.symbols = [8; 16];
    main.images = vec![(BASE + 0x1000, "/usr/lib/liba.dylib")];
    main.subcaches = suffixes.iter().zip(1..).map(|(suffix, n)| ([n; 16], u64::from(n) * 0x4000, *suffix)).collect();
    main
}

/// Subcache `number`.
pub(in crate::cache) fn subcache(number: u8, size: usize) -> Builder {
    let mut file = Builder::new("dyld_v1  arm64e", size).piece(0x3000, vec![number]).set(0xe8, &[0]);
    file.uuid = [number; 16];
    file.maps = vec![map(BASE + u64::from(number) * 0x4000, 0x4000, 0)];
    file
}

/// The file of local symbols: its mapping lies at address 0.
pub(in crate::cache) fn symbols(size: usize) -> Builder {
    let mut file = Builder::new("dyld_v1  arm64e", size).set(0x48, &[0x2000, 0x100]).set(0xe0, &[0, 0]);
    file.uuid = [8; 16];
    file.maps = vec![map(0, 0x4000, 0)];
    file
}

pub(in crate::cache) const SUFFIXES: [&str; 3] = [".01", ".02.dylddata", ".03.dyldlinkedit"];

/// All files of a cache.
pub(in crate::cache) fn whole() -> Shelf {
    let mut shelf = Shelf::default().with(MAIN, main_file(SUFFIXES, 0x200).build());
    for (suffix, number) in SUFFIXES.iter().zip(1..) {
        shelf = shelf.with(&format!("{MAIN}{suffix}"), subcache(number, 0x200).build());
    }
    shelf.with(&format!("{MAIN}.symbols"), symbols(0x200).build())
}

/// A folder on disk that is removed at the end.
pub(in crate::cache) struct Folder(pub PathBuf);

impl Folder {
    pub(in crate::cache) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dyld-atlas-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
