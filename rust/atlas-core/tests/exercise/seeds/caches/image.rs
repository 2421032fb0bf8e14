//! Headers of images as they stand in a cache.

use super::plans::Processor;
use super::words::Words;
use super::{Image, Segment};

/// The header and load commands of `image`.
pub fn header(processor: &Processor, image: &Image) -> Vec<u8> {
    let Processor { cpu, wide, big, .. } = *processor;
    let commands = [
        image.segments.iter().map(|it| segment(big, wide, it)).collect::<Vec<_>>().concat(),
        command(big, 0x0d, |it| {
            it.u32(24).u32(2).u32(0x1_0000).u32(0x1_0000).raw(image.path.as_bytes()).raw(&[0]);
        }),
        command(big, 0x1b, |it| {
            it.raw(&image.uuid);
        }),
        command(big, 0x32, |it| {
            it.u32(1).u32(0x000e_0000).u32(0x000e_0000).u32(0);
        }),
    ];
    let size: usize = commands.iter().map(Vec::len).sum();
    let mut header = Words::new(big);
    let magic = if wide { 0xfeed_facf } else { 0xfeed_face };
    // MH_DYLIB, MH_DYLIB_IN_CACHE
    header.u32(magic).u32(cpu.0).u32(cpu.1).u32(6).u32(image.segments.len() as u32 + 3).u32(size as u32).u32(1 << 31);
    if wide {
        header.u32(0);
    }
    header.raw(&commands.concat());
    header.bytes
}

fn command(big: bool, number: u32, payload: impl Fn(&mut Words)) -> Vec<u8> {
    let mut command = Words::new(big);
    command.u32(number).u32(0);
    payload(&mut command);
    command.pad(command.len().next_multiple_of(8));
    let size = command.len() as u32;
    command.put_u32(4, size);
    command.bytes
}

fn segment(big: bool, wide: bool, segment: &Segment) -> Vec<u8> {
    let protection = match segment.name {
        "__TEXT" => 5,
        "__LINKEDIT" => 1,
        _ => 3,
    };
    let mut command = Words::new(big);
    command.u32(if wide { 0x19 } else { 1 }).u32(if wide { 72 } else { 56 }).text(segment.name, 16);
    command.word(wide, segment.address).word(wide, segment.size);
    command.word(wide, segment.file_offset).word(wide, segment.size);
    command.u32(protection).u32(protection).u32(0).u32(0);
    command.bytes
}
