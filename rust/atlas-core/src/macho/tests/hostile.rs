//! Mutated files: no panic, no hang, and whatever is accepted fits together.

use std::time::Duration;

use cpu_time::ThreadTime;
use proptest::prelude::*;

use super::builder::{ARM64, ARM64_32, ARM64E, I386, PPC, X86_64, fat, library};
use crate::macho::{View, members, slice_with_uuid, slices};

/// Reads everything there is to read, and checks what must hold of anything that is accepted.
fn read_all(data: &[u8]) {
    let found = slices(data);
    let _ = slice_with_uuid(data, uuid::Uuid::from_bytes(super::builder::UUID));
    let Ok(all) = members(data) else {
        assert!(found.is_err());
        return;
    };
    let views: Vec<_> = all.iter().map(|member| (member.offset, member.view())).collect();
    assert_eq!(found.is_ok(), views.iter().all(|(_, view)| view.is_ok()));
    for (offset, view) in views {
        match view {
            Ok(view) => read_view(&view),
            Err(error) => {
                let at = error.location().offset.expect("an offset") as usize;
                assert!(at >= offset && at <= data.len().max(24), "{error}");
            }
        }
    }
    for slice in found.unwrap_or_default() {
        assert!(slice.offset + slice.size <= data.len() as u64);
        assert!(slice.header_and_load_commands_size <= slice.size);
        // A section takes at least 68 bytes of load commands, a segment 56: what is owned stays in proportion.
        assert!(slice.sections.len() * 68 + slice.segments.len() * 56 <= data.len());
    }
}

fn read_view(view: &View<'_>) {
    let size: usize = view.commands().map(|command| command.bytes().len()).sum();
    assert!(size <= view.header_and_load_commands_size());
    assert_eq!(view.segments().count(), view.segment_count());
    assert_eq!(view.sections().count(), view.section_count());
    let _ = (view.uuid(), view.install_name(), view.build_version(), view.architecture().to_string());
    let _ = (view.preferred_load_address(), view.dependents().count(), view.build_versions().count());
}

fn corpus() -> Vec<Vec<u8>> {
    let mut files: Vec<_> =
        [X86_64, ARM64, ARM64E, ARM64_32, I386, PPC].iter().map(|&cpu| library(cpu).build()).collect();
    for wide in [false, true] {
        files.push(fat(wide, &[(X86_64, library(X86_64).build()), (PPC, library(PPC).build())]));
    }
    files
}

/// A small generator of its own, so that failures can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

const INTERESTING: [u32; 12] = [0, 1, 7, 8, 24, 56, 72, 80, 0x1000_0000, 0x7fff_ffff, 0x8000_0000, u32::MAX];

#[test]
fn mutations() {
    let started = ThreadTime::now();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut accepted, mut runs) = (0_u32, 0_u32);
    for file in corpus() {
        // The headers lie at the start, and in universal files on the pages behind; bytes between them say nothing.
        let ranges: Vec<usize> = (0..file.len()).filter(|index| index % 0x4000 < 0x300).collect();
        for _ in 0..6000 {
            let mut data = file.clone();
            for _ in 0..=random.below(3) {
                let at = ranges[random.below(ranges.len())];
                let word = INTERESTING[random.below(INTERESTING.len())];
                let bytes = if random.below(2) == 0 { word.to_le_bytes() } else { word.to_be_bytes() };
                match random.below(4) {
                    0 => data[at] ^= 1 << random.below(8),
                    1 => data[at] = random.next() as u8,
                    2 => {
                        let at = at & !3;
                        if let Some(field) = data.get_mut(at..at + 4) {
                            field.copy_from_slice(&bytes);
                        }
                    }
                    _ if random.below(8) == 0 => data.truncate(at.max(1)),
                    _ => {}
                }
                if data.len() < file.len() {
                    break;
                }
            }
            read_all(&data);
            accepted += u32::from(slices(&data).is_ok());
            runs += 1;
        }
    }
    assert!(accepted > runs / 20 && accepted < runs, "{accepted} of {runs} accepted: the mutations test nothing");
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn every_byte_and_every_length() {
    for file in corpus() {
        let header_bytes = (0..file.len()).filter(|index| index % 0x4000 < 0x300);
        let mut data = file.clone();
        for index in header_bytes {
            read_all(&file[..index]);
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                data[index] = value;
                read_all(&data);
            }
            data[index] = file[index];
        }
    }
}

#[test]
fn counts_that_ask_for_gigabytes_cost_nothing() {
    let started = ThreadTime::now();
    for builder in [library(ARM64), library(PPC)] {
        for file in [builder.build_with(u32::MAX, 100), builder.build_with(u32::MAX, u32::MAX)] {
            assert!(slices(&file).is_err());
        }
    }
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_million_commands_are_linear() {
    let mut builder = super::builder::Builder::new(ARM64);
    builder.commands = vec![[8_u32.to_le_bytes(), 8_u32.to_le_bytes()].concat(); 1 << 20];
    let file = builder.build();
    let started = ThreadTime::now();
    assert_eq!(View::parse(&file).unwrap().commands().count(), 1 << 20);
    assert!(slices(&file).is_ok());
    assert!(started.elapsed() < Duration::from_secs(1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

    #[test]
    fn noise_behind_a_magic(magic in 0..6_usize, noise in proptest::collection::vec(any::<u8>(), 0..400)) {
        let magics = [0xfeed_face_u32, 0xfeed_facf, 0xcefa_edfe, 0xcffa_edfe, 0xbeba_feca, 0xbfba_feca];
        let mut data = magics[magic].to_le_bytes().to_vec();
        data.extend(noise);
        read_all(&data);
    }
}
