//! Writes the files of caches that hold nothing but mappings.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const HEADER: usize = 0x200;
const MAIN: &str = "dyld_shared_cache_arm64e";

/// A mapping and its bytes.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub address: u64,
    pub bytes: Vec<u8>,
    pub slide_info: Vec<u8>,
    /// The bytes begin this far behind a page of the file.
    pub skew: usize,
}

/// A folder that goes with the test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("dyld_atlas-memory-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes a cache; the first of `files` is the main file. Gives its path and where the bytes of each part begin.
    pub fn cache(&self, files: &[Vec<Part>]) -> (PathBuf, Vec<Vec<u64>>) {
        let offsets = files.iter().enumerate().map(|(index, parts)| {
            let subcaches = if index == 0 { files.len() - 1 } else { 0 };
            let (bytes, offsets) = file(index, parts, subcaches);
            self.file(&file_name(index), &bytes);
            offsets
        });
        let offsets = offsets.collect();
        (self.0.join(MAIN), offsets)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn file_name(index: usize) -> String {
    if index == 0 { MAIN.to_owned() } else { format!("{MAIN}.{index:02}") }
}

fn uuid(index: usize) -> [u8; 16] {
    [index as u8 + 1; 16]
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn put_u32(bytes: &mut [u8], at: usize, value: usize) {
    put(bytes, at, &(value as u32).to_le_bytes());
}

fn file(index: usize, parts: &[Part], subcaches: usize) -> (Vec<u8>, Vec<u64>) {
    let (plain, slid) = (HEADER, HEADER + 32 * parts.len());
    let entries = slid + 56 * parts.len();
    let tables = entries + 56 * subcaches;
    let mut bytes = vec![0; tables];
    put(&mut bytes, 0, b"dyld_v1  arm64e\0");
    put_u32(&mut bytes, 0x10, HEADER);
    put_u32(&mut bytes, 0x14, parts.len());
    put(&mut bytes, 0x58, &uuid(index));
    put(&mut bytes, 0xe8, &(u64::from(index == 0) << 32).to_le_bytes());
    put_u32(&mut bytes, 0x138, slid);
    put_u32(&mut bytes, 0x13c, parts.len());
    put_u32(&mut bytes, 0x188, entries);
    put_u32(&mut bytes, 0x18c, subcaches);
    for subcache in 1..=subcaches {
        let entry = entries + 56 * (subcache - 1);
        put(&mut bytes, entry, &uuid(subcache));
        put(&mut bytes, entry + 24, format!(".{subcache:02}").as_bytes());
    }
    let mut offsets = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let offset = bytes.len().next_multiple_of(0x1000) + part.skew;
        bytes.resize(offset, 0xee);
        bytes.extend(&part.bytes);
        let (info, info_size) = (bytes.len(), part.slide_info.len());
        bytes.extend(&part.slide_info);
        for row in [plain + 32 * number, slid + 56 * number] {
            for (field, value) in [part.address, part.bytes.len() as u64, offset as u64].into_iter().enumerate() {
                put(&mut bytes, row + 8 * field, &value.to_le_bytes());
            }
        }
        put_u32(&mut bytes, plain + 32 * number + 24, 3);
        put(&mut bytes, slid + 56 * number + 24, &(info as u64).to_le_bytes());
        put(&mut bytes, slid + 56 * number + 32, &(info_size as u64).to_le_bytes());
        put_u32(&mut bytes, slid + 56 * number + 48, 3);
        offsets.push(offset as u64);
    }
    // Bytes behind the last mapping: nobody may see them.
    bytes.extend([0xee; 100]);
    (bytes, offsets)
}
