//! What hostile containers may cost in memory: 32 MB and four times the input, whatever they declare.
//!
//! One test alone in its process, so that the process's peak is the test's.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use atlas_core::Limits;
use atlas_core::compress::{self, Codec};

/// A line of `/proc/self/status` that tells a size, in bytes.
fn status(key: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// Asserts that `input` is refused, and that what was resident on the way stays in bounds.
fn assert_cheap(what: &str, codec: Codec, input: &[u8]) {
    // 5 makes the kernel forget the peak so far.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS:");
    let limits = Limits { decoded_bytes: 1 << 40, ..Limits::DEFAULT };
    assert!(compress::decode(input, &limits).is_err(), "{what} {codec:?}");
    let spent = status("VmHWM:").saturating_sub(before);
    let allowed = (32 << 20) + 4 * input.len();
    assert!(spent < allowed, "{what} {codec:?}: {} KiB for {} KiB of input", spent >> 10, input.len() >> 10);
}

fn container(codec: Codec, blocks: &[(u64, &[u8])]) -> Vec<u8> {
    let mut container = vec![b'p', b'b', b'z', codec.letter(), 0, 0, 0, 0, 0, 0x40, 0, 0];
    for (decoded_size, payload) in blocks {
        container.extend_from_slice(&decoded_size.to_be_bytes());
        container.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        container.extend_from_slice(payload);
    }
    container
}

/// The payload of the one block of a container.
fn payload(codec: Codec, data: &[u8]) -> Vec<u8> {
    compress::encode(data, codec, data.len()).unwrap().split_off(28)
}

/// Makes an `.xz` stream of one LZMA2 filter declare a dictionary of 4 GiB.
fn with_the_largest_dictionary(mut stream: Vec<u8>) -> Vec<u8> {
    assert_eq!(stream[12..16], [2, 0, 0x21, 1]);
    stream[16] = 40;
    let mut crc = flate2::Crc::new();
    crc.update(&stream[12..20]);
    stream[20..24].copy_from_slice(&crc.sum().to_le_bytes());
    stream
}

#[test]
fn what_is_declared_costs_nothing() {
    let noise: Vec<u8> = (0..300_000_u32).map(|number| (number.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
    let repeated = b"what repeats becomes small".repeat(200);
    let zeros = vec![0; 40 << 20];
    for codec in [Codec::Zlib, Codec::Lzma, Codec::Lz4, Codec::Lzfse, Codec::Lzbitmap] {
        assert_cheap("1 GiB of nothing", codec, &container(codec, &[(1 << 30, b"")]));
        assert_cheap("1 GiB of four bytes", codec, &container(codec, &[(1 << 30, b"four")]));
        let good = payload(codec, &repeated);
        for (what, payload) in [("as much as noise could yield", &noise), ("more than a stream yields", &good)] {
            assert_cheap(what, codec, &container(codec, &[(payload.len() as u64 * 200, payload)]));
        }
        let blocks = [(good.len() as u64 * 200, good.as_slice()), (30 << 20, &noise), (30 << 20, &noise)];
        assert_cheap("one bad block of three", codec, &container(codec, &blocks));
        if codec == Codec::Lzma {
            let stream = with_the_largest_dictionary(good);
            assert_cheap("a dictionary of 4 GiB", codec, &container(codec, &[(repeated.len() as u64, &stream)]));
        }
    }
    // Not LZMA: its encoder takes seconds for this, and its decoder is driven as that of ZLIB is.
    for codec in [Codec::Zlib, Codec::Lz4, Codec::Lzfse, Codec::Lzbitmap] {
        let small = payload(codec, &zeros);
        assert_cheap("40 MiB that declare 1", codec, &container(codec, &[(1 << 20, &small)]));
    }
}
