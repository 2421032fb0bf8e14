//! How fast memory is. Run alone: `cargo test --release -p atlas-core --test memory -- --ignored --nocapture speed`.

use std::hint::black_box;
use std::time::Instant;

use atlas_core::bytes::Mode;
use atlas_core::memory::CacheMemory;

use crate::builder::{Folder, Part};

const BASE: u64 = 0x1_8000_0000;
const FILES: u64 = 12;
const EACH: u64 = 6;
const SIZE: u64 = 50 << 20;

/// 72 mappings of 12 files, 3.6 GB of address space; the files are sparse.
fn large(folder: &Folder) -> std::path::PathBuf {
    let part = |number: u64| Part { address: BASE + number * SIZE, ..Part::default() };
    let files: Vec<Vec<Part>> = (0..FILES).map(|file| (0..EACH).map(|n| part(file * EACH + n)).collect()).collect();
    let (path, offsets) = folder.cache(&files);
    for (index, offsets) in offsets.iter().enumerate() {
        let file = folder.path().join(crate::builder::file_name(index));
        let mut bytes = std::fs::read(&file).unwrap();
        // The rows of both tables: sizes and offsets as they are to be.
        for (number, start) in offsets.iter().enumerate() {
            let offset = offsets[0].next_multiple_of(0x4000) + number as u64 * SIZE;
            for row in [0x200 + 32 * number, 0x200 + 32 * EACH as usize + 56 * number] {
                bytes[row + 8..row + 16].copy_from_slice(&SIZE.to_le_bytes());
                bytes[row + 16..row + 24].copy_from_slice(&offset.to_le_bytes());
            }
            let _ = start;
        }
        bytes.resize(offsets[0].next_multiple_of(0x4000) as usize, 0);
        std::fs::write(&file, bytes).unwrap();
        let file = std::fs::File::options().write(true).open(&file).unwrap();
        file.set_len(offsets[0].next_multiple_of(0x4000) + EACH * SIZE).unwrap();
    }
    path
}

/// The best of some rounds, in nanoseconds for one of `count`.
fn best(count: u64, mut work: impl FnMut()) -> f64 {
    let rounds = (0..15).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_nanos() as f64
    });
    rounds.fold(f64::MAX, f64::min) / count as f64
}

#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout, reason = "it shows its figures")]
fn speed() {
    let folder = Folder::new();
    let memory = CacheMemory::open(&large(&folder), Mode::Map).unwrap();
    assert_eq!(memory.extent(), (BASE, FILES * EACH * SIZE));
    let mut state = 1_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    // Random among 4 000 pages, so that these are in memory.
    let pages: Vec<u64> = (0..4000).map(|_| BASE + random() % (FILES * EACH * SIZE - 0x4000)).collect();
    let addresses: Vec<u64> = (0..100_000).map(|_| pages[(random() % 4000) as usize]).collect();
    let read = |memory: &CacheMemory| {
        let mut window = [0; 16];
        for address in &addresses {
            memory.read_into(*address, &mut window, None).unwrap();
            black_box(&window);
        }
    };
    let count = addresses.len() as u64;
    println!("read_into(16), files           {:8.1} ns", best(count, || read(&memory)));
    println!("data, files                    {:8.1} ns", best(count, || data(&memory, &addresses)));
    println!(
        "pin and unpin, 72 mappings     {:8.1} ns",
        best(1, || {
            memory.pin().unwrap();
            memory.unpin().unwrap();
        })
    );
    memory.pin().unwrap();
    println!(
        "second pin and unpin           {:8.1} ns",
        best(1, || {
            memory.pin().unwrap();
            memory.unpin().unwrap();
        })
    );
    println!("read_into(16), pinned          {:8.1} ns", best(count, || read(&memory)));
    println!(
        "read(16), pinned               {:8.1} ns",
        best(count, || {
            addresses.iter().for_each(|address| drop(black_box(memory.read(*address, 16, None).unwrap())));
        })
    );
    println!("data, pinned                   {:8.1} ns", best(count, || data(&memory, &addresses)));
    let two = best(2 * count, || {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| read(&memory));
            }
        });
    });
    println!("read_into(16), pinned, 2 threads {two:6.1} ns");
    let image = folder.file("file", &[7; 1 << 20]);
    println!(
        "first touch of a file          {:8.1} ns",
        best(1, || {
            let source = atlas_core::memory::SourceFile::open(&image, Mode::Map).unwrap();
            black_box(source.bytes()[0x4000]);
        })
    );
    let open = best(1, || drop(CacheMemory::open(&folder.path().join("dyld_shared_cache_arm64e"), Mode::Map).unwrap()));
    println!("open, 12 files known           {open:8.1} ns");
}

fn data(memory: &CacheMemory, addresses: &[u64]) {
    for address in addresses {
        drop(black_box(memory.data(*address, 0x100, 0x100).unwrap()));
    }
}
