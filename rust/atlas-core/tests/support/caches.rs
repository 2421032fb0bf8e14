//! Shared caches that others made: unpacked once, and what their makers say of them.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::fixtures;

/// The folder of files of the cache fixture `name`, as in `built-1378/arm64e-v5`; an archive is unpacked on the first
/// call.
pub fn cache_folder(name: &str) -> Option<PathBuf> {
    let folder = fixtures(&format!("cache/{name}"))?;
    let Some(archive) =
        ["files.tar.gz", "files.tar.xz"].map(|leaf| folder.join(leaf)).into_iter().find(|it| it.exists())
    else {
        return Some(folder);
    };
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("caches").join(name);
    if !target.exists() {
        // Several tests may come here at once: each unpacks for itself, and the first to be done wins.
        let own = target.with_extension(format!("{}-{:?}", std::process::id(), std::thread::current().id()));
        fs::create_dir_all(&own).unwrap();
        unpack(decoded(&archive), &own);
        if fs::rename(&own, &target).is_err() {
            fs::remove_dir_all(&own).unwrap();
        }
    }
    Some(target)
}

/// The JSON of a fixture, compressed or not.
pub fn cache_json(name: &str) -> Option<Value> {
    Some(serde_json::from_reader(std::io::BufReader::new(decoded(&fixtures(&format!("cache/{name}"))?))).unwrap())
}

/// A number of JSON, which is a text where it takes 64 bits.
pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| value.as_str().unwrap_or_else(|| panic!("no number: {value}")).parse().unwrap())
}

/// The bytes of a file, without the compression that its name tells.
fn decoded(path: &Path) -> Box<dyn Read> {
    let file = fs::File::open(path).unwrap();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Box::new(flate2::read::GzDecoder::new(file)),
        Some("xz") => Box::new(lzma_rust2::XzReader::new(std::io::BufReader::new(file), true)),
        _ => Box::new(file),
    }
}

/// Writes the files of a `ustar` archive into `folder`.
fn unpack(mut archive: impl Read, folder: &Path) {
    let mut header = [0; 512];
    loop {
        archive.read_exact(&mut header).unwrap();
        let text = |range: std::ops::Range<usize>| {
            let field = &header[range];
            let length = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            std::str::from_utf8(&field[..length]).unwrap().trim()
        };
        let name = text(0..100);
        if name.is_empty() {
            return;
        }
        let size = u64::from_str_radix(text(124..136), 8).unwrap();
        let mut data = archive.by_ref().take(size.next_multiple_of(512));
        // Folders and extended headers have no files to give.
        if matches!(header[156], 0 | b'0') {
            let leaf = Path::new(name).file_name().unwrap();
            let mut file = fs::File::create(folder.join(leaf)).unwrap();
            std::io::copy(&mut data, &mut file).unwrap();
            file.set_len(size).unwrap();
        } else {
            std::io::copy(&mut data, &mut std::io::sink()).unwrap();
        }
    }
}
