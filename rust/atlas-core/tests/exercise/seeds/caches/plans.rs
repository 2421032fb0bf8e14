//! Which caches there were, by processor and by the size of their headers.

use super::Plan;

/// What a cache is for.
#[derive(Clone, Copy, Debug)]
pub struct Processor {
    /// Behind `dyld_v1`, filled with blanks on the left.
    pub magic: &'static str,
    /// In the name of the file.
    pub file_name: &'static str,
    pub cpu: (u32, u32),
    /// Addresses of 8 bytes.
    pub wide: bool,
    pub big: bool,
    /// Where the shared region begins.
    pub base: u64,
}

const fn little(magic: &'static str, cpu: (u32, u32), wide: bool, base: u64) -> Processor {
    Processor { magic, file_name: magic, cpu, wide, big: false, base }
}

pub const I386: Processor = little("i386", (7, 3), false, 0x9000_0000);
pub const X86_64: Processor = little("x86_64", (0x0100_0007, 3), true, 0x7ff8_0000_0000);
pub const ARMV7K: Processor = little("armv7k", (12, 12), false, 0x1a00_0000);
pub const ARM64_32: Processor = little("arm64_32", (0x0200_000c, 1), false, 0x1a00_0000);
pub const ARM64: Processor = little("arm64", (0x0100_000c, 0), true, 0x1_8000_0000);
pub const ARM64E: Processor = little("arm64e", (0x0100_000c, 0x8000_0002), true, 0x1_8000_0000);
pub const ARM64E_X1: Processor = Processor {
    magic: "arm64ex1",
    file_name: "arm64e_x1",
    cpu: (0x0100_000c, 0x8000_000c),
    wide: true,
    big: false,
    base: 0x1_8000_0000,
};
pub const POWERPC: Processor =
    Processor { magic: "ppc", file_name: "ppc", cpu: (18, 0), wide: false, big: true, base: 0x9000_0000 };

/// A cache of every generation, with its name.
pub fn generations() -> Vec<(String, Plan)> {
    let one = |name: &str, processor, size, slide| (name.to_owned(), Plan::new(processor, size, slide));
    let mut plans = vec![
        // 10.4 to 10.6: no UUID, nothing slides.
        one("ppc-rosetta", POWERPC, 0x28, 0),
        one("i386-leopard", I386, 0x28, 0),
        one("i386-signed", I386, 0x38, 0),
        // 10.7, iOS 4.3: slide info of version 1 for the second mapping.
        one("i386-lion", I386, 0x48, 1),
        one("x86_64-lion", X86_64, 0x48, 1),
        one("armv7k-ios5", ARMV7K, 0x58, 1),
        // iOS 7, 10.9: UUIDs.
        one("arm64-ios7", ARM64, 0x68, 1),
        one("arm64-ios8", ARM64, 0x70, 2),
        one("armv7k-watch2", ARMV7K, 0x70, 2),
        // dyld-421: UUIDs of images in a table.
        one("arm64-ios9", ARM64, 0x88, 2),
        one("arm64-ios10", ARM64, 0x98, 2),
        one("x86_64-sierra", X86_64, 0xe0, 2),
        one("arm64-ios11", ARM64, 0xf8, 2),
        one("arm64e-ios12", ARM64E, 0x118, 3),
        one("armv7k-watch5", ARMV7K, 0x118, 4),
        one("arm64_32-watch5", ARM64_32, 0x118, 1),
        one("arm64e-ios13", ARM64E, 0x138, 3),
        // dyld-832.7: each mapping has slide info of its own.
        one("arm64e-ios14", ARM64E, 0x140, 3),
        one("arm64_32-watch7", ARM64_32, 0x140, 1),
        one("x86_64-big-sur", X86_64, 0x140, 2),
        // dyld-940 and later in one file: DriverKit, simulators.
        one("arm64e-driverkit", ARM64E, 0x1c8, 3),
        one("arm64_32-watch10", ARM64_32, 0x200, 1),
        one("armv7k-watch8", ARMV7K, 0x1c8, 4),
        // Sizes that no builder wrote, within fields and between them.
        one("odd-0x6c", ARM64, 0x6c, 2),
        one("odd-0x94", ARM64, 0x94, 2),
        one("odd-0x1a0", ARM64E, 0x1a0, 3),
        one("odd-0x1c4", ARM64E, 0x1c4, 3),
        one("odd-0x1d0", ARM64E, 0x1d0, 5),
        one("odd-0x230", ARM64E, 0x230, 5),
        // A header that is newer than all that is known.
        one("newer-0x300", ARM64E_X1, 0x300, 5),
    ];
    let split = |name: &str, processor, size, slide, subcaches| {
        (name.to_owned(), Plan::new(processor, size, slide).split(subcaches).images(7).with_symbols())
    };
    plans.extend([
        split("macos12", ARM64E, 0x1c8, 3, 3),
        split("macos12-x86_64", X86_64, 0x1c8, 2, 2),
        split("macos13", ARM64E, 0x200, 3, 3),
        split("macos14", ARM64E, 0x208, 5, 4),
        split("macos15", ARM64E, 0x218, 5, 3),
        split("macos15-x86_64", X86_64, 0x218, 2, 3),
        split("macos26", ARM64E, 0x228, 5, 3),
        split("watch11", ARM64_32, 0x228, 1, 3),
        split("macos27", ARM64E_X1, 0x238, 5, 3),
        split("two-files", ARM64, 0x228, 2, 1),
    ]);
    let symbols = |name: &str, processor, size, slide| {
        (name.to_owned(), Plan::new(processor, size, slide).with_symbols().images(5))
    };
    plans.extend([
        symbols("locals-inside", ARM64, 0x70, 2),
        symbols("locals-inside-32", ARMV7K, 0x140, 4),
        symbols("locals-inside-arm64_32", ARM64_32, 0x140, 1),
        symbols("locals-beside", ARM64E, 0x1c8, 3),
    ]);
    plans.push(one("empty", ARM64E, 0x228, 0));
    plans.last_mut().unwrap().1.images = 0;
    plans
}
