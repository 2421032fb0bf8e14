//! Core files, small, of every kind that is read.

#[path = "../../support/cores.rs"]
mod layout;

use layout::{ARM64, ARM64_32, Core, Cpu, Image, Noted, X86_64};

use super::Seeds;

const INFOS: u64 = 0x7_0000;

/// Two images in memory.
fn bare(cpu: Cpu) -> Core {
    let main = Image { kind: 2, ..Image::new("") };
    Core::new(cpu).segment(0x1_0000, 5, layout::image_header(cpu, &main)).segment(
        0x2_0000,
        5,
        layout::image_header(cpu, &Image::new("/usr/lib/liba.dylib")),
    )
}

fn noted(cpu: Cpu) -> Core {
    let image = |path, address| Noted {
        path: Some(path),
        uuid: [3; 16],
        address,
        segments: vec![("__TEXT", address), ("__DATA", address + 0x4000)],
    };
    let images = [image("/bin/main", 0x1_0000), image("/usr/lib/libb.dylib", 0x3_0000)];
    bare(cpu)
        .note_at("all image infos", move |at| layout::all_image_infos(at, &images, 48))
        .note("load binary", &layout::load_binary([4; 16], 0x5_0000, u64::MAX, "/usr/lib/libc.dylib"))
        .note("addrable bits", &[4_u32, 47, 47, 0].map(u32::to_le_bytes).concat())
        .note("process metadata", br#"{"threads":[{"thread_id":1},{"thread_id":2}]}"#)
        .note("kern ver str", b"\x01\0\0\0Darwin")
}

/// With dyld's structure, its array, and the atlas where there is one.
fn full(cpu: Cpu, atlas: &[u8]) -> Core {
    let (width, at) = if cpu.2 { (8, [0x130, 0x138, 0xb8, 0x20]) } else { (4, [0xa8, 0xac, 0x68, 0x14]) };
    let infos = layout::infos(
        cpu.2,
        &[
            (4, 2, 4),
            (8, 0x8_0000, width),
            (at[0], 0x9_0000, width),
            (at[1], atlas.len() as u64, width),
            (at[2], 5, 8),
            (at[3], 0x2_0000, width),
        ],
    );
    let array = layout::info_array(cpu.2, 0x8_0000, &[(0x1_0000, "/bin/main"), (0x3_0000, "/usr/lib/libb.dylib")]);
    bare(cpu)
        .note("main bin spec", &layout::main_bin_spec(2, 4, INFOS, 1))
        .segment(INFOS, 3, infos)
        .segment(0x8_0000, 3, array)
        .segment(0x9_0000, 3, atlas.to_vec())
}

/// dyld, whose section leads to the structure.
fn with_dyld(cpu: Cpu, atlas: &[u8]) -> Core {
    let dyld =
        Image { kind: 7, sections: vec![("__all_image_info", INFOS - 0x4_0000, 368)], ..Image::new("/usr/lib/dyld") };
    let mut core = full(cpu, atlas).segment(0x4_0000, 5, layout::image_header(cpu, &dyld));
    core.notes.clear();
    core
}

pub fn files(atlas: &[u8]) -> Seeds {
    let mut seeds = Seeds::new();
    for (name, cpu) in [("arm64", ARM64), ("x86_64", X86_64), ("arm64_32", ARM64_32)] {
        for (kind, core) in [
            ("bare", bare(cpu)),
            ("noted", noted(cpu)),
            ("full", full(cpu, atlas)),
            ("listed", full(cpu, &[])),
            ("dyld", with_dyld(cpu, atlas)),
        ] {
            seeds.push((format!("{name}-{kind}"), core.build()));
        }
    }
    seeds
}
