//! Writes the seed corpus: `seeds FOLDER` fills `FOLDER/<target>/`, with the fixtures too where `DYLD_ATLAS_FIXTURES`
//! is set.

use std::io;
use std::path::{Path, PathBuf};

use dyld_atlas_fuzz::exercise::{ALL, Form, seeds::seeds, wrap};

/// A larger seed only slows a fuzzer down.
const LARGEST: u64 = 64 << 10;

fn main() -> io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "corpus".into()));
    for (target, _) in ALL {
        std::fs::create_dir_all(folder.join(target))?;
        for (name, bytes) in seeds(target) {
            std::fs::write(folder.join(target).join(name), bytes)?;
        }
    }
    if let Some(fixtures) = std::env::var_os("DYLD_ATLAS_FIXTURES") {
        copy(Path::new(&fixtures), &folder, "fixture")?;
    }
    Ok(())
}

/// Copies every file below `from` to the targets that can read it.
fn copy(from: &Path, folder: &Path, prefix: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = format!("{prefix}-{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), folder, &name)?;
        } else if entry.metadata()?.len() <= LARGEST {
            let bytes = std::fs::read(entry.path())?;
            for (target, input) in inputs(&bytes) {
                std::fs::write(folder.join(target).join(&name), input)?;
            }
        }
    }
    Ok(())
}

fn inputs(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    match bytes {
        [b'A' | b'Y', b'A', ..] => vec![("archive", bytes.to_vec()), ("snapshot", bytes.to_vec())],
        [b'p', b'b', b'z', ..] => {
            vec![("container", bytes.to_vec()), ("archive", bytes.to_vec()), ("snapshot", bytes.to_vec())]
        }
        [b'b', b'p', b'l', b'i', b's', b't', ..] => {
            let is_process = bytes.windows(5).any(|key| key == b"Tproc");
            let form = if is_process { Form::Process } else { Form::Cache };
            vec![("plist", bytes.to_vec()), ("snapshot", wrap(form, bytes))]
        }
        // No other files: their lengths come first.
        [b'd', b'y', b'l', b'd', b'_', b'v', b'1', ..] => vec![("cache", [&[0; 12], bytes].concat())],
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, ..] => {
            vec![("macho", bytes.to_vec()), ("core", bytes.to_vec())]
        }
        _ => Vec::new(),
    }
}
