//! Mach-O files put together by hand.

use super::Seeds;

/// A number in the byte order of a file.
fn word(big: bool, number: u32) -> [u8; 4] {
    if big { number.to_be_bytes() } else { number.to_le_bytes() }
}

fn command(big: bool, number: u32, payload: &[u8]) -> Vec<u8> {
    let mut command = [word(big, number), word(big, payload.len() as u32 + 8)].concat();
    command.extend_from_slice(payload);
    command
}

fn words(big: bool, numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| word(big, *number)).collect()
}

fn name(text: &str) -> Vec<u8> {
    let mut name = text.as_bytes().to_vec();
    name.resize(16, 0);
    name
}

/// A file with one command of every kind that is read.
fn thin(big: bool, wide: bool, cpu: (u32, u32)) -> Vec<u8> {
    let zero_extended = |number: u32| {
        if wide && big {
            words(big, &[0, number])
        } else if wide {
            words(big, &[number, 0])
        } else {
            words(big, &[number])
        }
    };
    let mut segment = name("__TEXT");
    for number in [0x4000, 0x1000, 0, 0x1000] {
        segment.extend(zero_extended(number));
    }
    segment.extend(words(big, &[5, 5, 2, 0]));
    for section in ["__text", "__const"] {
        segment.extend(name(section));
        segment.extend(name("__TEXT"));
        segment.extend(zero_extended(0x4100));
        segment.extend(zero_extended(0x10));
        segment.extend(words(big, &[0x100, 4, 0, 0, 0, 0, 0]));
        if wide {
            segment.extend(words(big, &[0]));
        }
    }
    let library = |text: &str| {
        let mut payload = words(big, &[24, 2, 0x1_0203, 0x1_0000]);
        payload.extend_from_slice(text.as_bytes());
        payload.push(0);
        payload
    };
    let commands = [
        command(big, if wide { 0x19 } else { 1 }, &segment),
        command(big, 0x0d, &library("/usr/lib/liba.dylib")),
        command(big, 0x0c, &library("/usr/lib/libb.dylib")),
        command(big, 0x8000_0018, &library("@rpath/libc.dylib")),
        command(big, 0x1b, &[7; 16]),
        command(big, 0x32, &words(big, &[1, 0x000d_0000, 0x000e_0100, 1, 3, 0x0401_0000])),
        command(big, 0x24, &words(big, &[0x000a_0900, 0])),
        command(big, 0x0f, b"\x0c\0\0\0/usr/lib/dyld\0"),
        command(big, 0x26, &[0; 8]),
    ];
    let size: usize = commands.iter().map(Vec::len).sum();
    let magic = if wide { 0xfeed_facf } else { 0xfeed_face };
    let mut file = words(big, &[magic, cpu.0, cpu.1, 6, commands.len() as u32, size as u32, 0x85]);
    if wide {
        file.extend(words(big, &[0]));
    }
    file.extend(commands.concat());
    file.extend([0; 32]);
    file
}

fn universal(wide: bool, slices: &[((u32, u32), Vec<u8>)]) -> Vec<u8> {
    let row = if wide { 32 } else { 20 };
    let mut file = words(true, &[if wide { 0xcafe_babf } else { 0xcafe_babe }, slices.len() as u32]);
    let mut offset = (8 + row * slices.len() as u32).next_multiple_of(64);
    for (cpu, slice) in slices {
        let size = slice.len() as u32;
        file.extend(words(true, &[cpu.0, cpu.1]));
        file.extend(if wide { words(true, &[0, offset, 0, size, 6, 0]) } else { words(true, &[offset, size, 6]) });
        offset = (offset + size).next_multiple_of(64);
    }
    for (_, slice) in slices {
        file.resize(file.len().next_multiple_of(64), 0);
        file.extend_from_slice(slice);
    }
    file
}

pub fn files() -> Seeds {
    let (arm64, intel, powerpc) = ((0x0100_000c, 0), (0x0100_0007, 3), (0x12, 0));
    let all = [arm64, intel].map(|cpu| (cpu, thin(false, true, cpu)));
    vec![
        ("thin-64".to_owned(), thin(false, true, arm64)),
        ("thin-32".to_owned(), thin(false, false, (0x0c, 9))),
        ("thin-big".to_owned(), thin(true, false, powerpc)),
        ("thin-big-64".to_owned(), thin(true, true, (0x0100_0012, 0))),
        ("universal".to_owned(), universal(false, &all)),
        ("universal-64".to_owned(), universal(true, &all)),
    ]
}
