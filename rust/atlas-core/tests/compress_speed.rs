//! How fast containers decode, beside the codecs' own libraries, and what that takes in memory.
//!
//! Run alone, optimised: `cargo test --release -p atlas-core --test compress_speed -- --ignored --nocapture`; under
//! `taskset -c 0` for one thread.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::io::Read;
use std::time::Instant;

use atlas_core::Limits;
use atlas_core::compress::{self, Codec};

const BLOCK: usize = 4 << 20;
const SIZE: usize = 8 * BLOCK;
const ROUNDS: usize = 7;

/// Records as an atlas holds them: names that repeat, addresses that do not.
fn records() -> Vec<u8> {
    let names = ["/usr/lib/libSystem.B.dylib", "/System/Library/Frameworks/Foundation.framework/Foundation"];
    let names = [&names[..], &["/usr/lib/swift/libswiftCore.dylib", "__TEXT", "__DATA_CONST", "__LINKEDIT"]].concat();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut data = Vec::with_capacity(SIZE + 128);
    while data.len() < SIZE {
        let choice = random();
        data.extend_from_slice(names[(choice >> 32) as usize % names.len()].as_bytes());
        data.extend_from_slice(&(random() as u32 >> (choice % 24)).to_be_bytes());
        data.extend_from_slice(&(0x1_8000_0000 + (random() & 0x0fff_f000)).to_be_bytes());
        if choice & 0x700 == 0 {
            data.extend_from_slice(&random().to_le_bytes());
        }
    }
    data.truncate(SIZE);
    data
}

/// The best of some rounds, in MB/s.
fn speed(mut work: impl FnMut()) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    });
    SIZE as f64 / 1e6 / rounds.fold(f64::MAX, f64::min)
}

fn payloads(container: &[u8]) -> Vec<&[u8]> {
    let mut payloads = Vec::new();
    let mut rest = &container[12..];
    while !rest.is_empty() {
        let size = u64::from_be_bytes(rest[8..16].try_into().unwrap()) as usize;
        payloads.push(&rest[16..16 + size]);
        rest = &rest[16 + size..];
    }
    payloads
}

/// The library alone, block by block into one new output.
fn library(codec: Codec, payloads: &[&[u8]]) -> Vec<u8> {
    let mut output = vec![0; SIZE];
    let blocks = payloads.iter().zip(output.chunks_mut(BLOCK));
    match codec {
        Codec::Zlib => blocks.for_each(|(payload, block)| {
            let mut engine = flate2::Decompress::new(true);
            engine.decompress(payload, block, flate2::FlushDecompress::Finish).unwrap();
        }),
        Codec::Lzma => blocks.for_each(|(payload, block)| {
            lzma_rust2::XzReader::new(*payload, false).read_exact(block).unwrap();
        }),
        Codec::Lz4 => blocks.for_each(|(payload, block)| {
            lz4_flex::block::decompress_into(&payload[12..payload.len() - 4], block).unwrap();
        }),
        Codec::Lzfse => {
            let mut decoder = lzfse_rust::LzfseDecoder::default();
            output = Vec::with_capacity(SIZE);
            for payload in payloads {
                decoder.decode_bytes(payload, &mut output).unwrap();
            }
        }
        _ => output = Vec::new(),
    }
    output
}

fn resident(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

#[test]
#[ignore = "takes a while, and tells something only when optimised and alone"]
fn decoding_speed() {
    let data = records();
    println!("{} threads, {} MiB in blocks of 4 MiB", std::thread::available_parallelism().unwrap(), SIZE >> 20);
    for codec in Codec::ALL {
        let start = Instant::now();
        let container = compress::encode(&data, codec, BLOCK).unwrap();
        let encoding = SIZE as f64 / 1e6 / start.elapsed().as_secs_f64();
        let payloads = payloads(&container);
        let alone = library(codec, &payloads);
        assert!(alone.is_empty() || codec == Codec::None || alone == data, "{codec:?}");
        drop(alone);
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = resident("VmRSS:");
        assert!(compress::decode(&container, &Limits::DEFAULT).unwrap().bytes == data);
        let peak = resident("VmHWM:") - before;
        let ours = speed(|| drop(compress::decode(&container, &Limits::DEFAULT).unwrap()));
        let theirs = speed(|| drop(library(codec, &payloads)));
        println!(
            "{:9} ratio {:4.1}  decode {ours:7.0} MB/s  library {theirs:7.0} MB/s  encode {encoding:6.0} MB/s  \
             peak {peak:5.1} MiB",
            codec.name(),
            SIZE as f64 / container.len() as f64,
        );
    }
}
