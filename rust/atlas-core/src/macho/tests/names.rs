use super::builder::name16;
use crate::macho::{Architecture, Name};

fn name(cpu_type: u32, cpu_subtype: u32) -> String {
    Architecture { cpu_type, cpu_subtype }.to_string()
}

#[test]
fn architectures_have_the_names_of_dyld() {
    const ARM64: u32 = 0x0100_000c;
    for (cpu_type, cpu_subtype, expected) in [
        (0x0100_0007, 3, "x86_64"),
        (0x0100_0007, 0x8000_0003, "x86_64"), // CPU_SUBTYPE_LIB64
        (0x0100_0007, 8, "x86_64h"),
        (7, 3, "i386"),
        (ARM64, 0, "arm64"),
        (ARM64, 1, "arm64"),
        (ARM64, 2, "arm64e.old"),
        (ARM64, 0x8000_0002, "arm64e"),
        (ARM64, 0x8100_0002, "arm64e.v1"),
        (ARM64, 0xc000_0002, "arm64e.kernel"),
        (ARM64, 0xc100_0002, "arm64e.kernel.v1"),
        (ARM64, 0xc200_0002, "arm64e.kernel.v2"),
        (ARM64, 12, "arm64e.x1"),
        (ARM64, 0x8000_000c, "arm64e.x1"),
        (0x0200_000c, 1, "arm64_32"),
        (0x0200_000c, 0, "arm64_32"),
        (12, 6, "armv6"),
        (12, 9, "armv7"),
        (12, 10, "armv7f"),
        (12, 11, "armv7s"),
        (12, 12, "armv7k"),
        (12, 14, "armv6m"),
        (12, 15, "armv7m"),
        (12, 16, "armv7em"),
        (18, 0, "ppc"),
        (18, 100, "ppc970"),
        (0x0100_0012, 0, "ppc64"),
    ] {
        assert_eq!(name(cpu_type, cpu_subtype), expected, "{cpu_type:#x} {cpu_subtype:#x}");
    }
}

#[test]
fn unknown_architectures_are_numbers() {
    assert_eq!(name(0x0100_000c, 77), "unknown(16777228,77)");
    assert_eq!(name(0x0100_000c, 0x8000_0000), "unknown(16777228,2147483648)");
    assert_eq!(name(6, 1), "unknown(6,1)");
    assert_eq!(name(u32::MAX, u32::MAX), "unknown(4294967295,4294967295)");
}

#[test]
fn capabilities_make_a_difference_on_arm64_alone() {
    let same = |cpu_type, a, b| Architecture { cpu_type, cpu_subtype: a } == Architecture { cpu_type, cpu_subtype: b };
    assert!(same(0x0100_0007, 3, 0x8000_0003));
    assert!(!same(0x0100_000c, 2, 0x8000_0002));
    assert!(!same(0x0100_0007, 3, 8));
    assert_ne!(Architecture { cpu_type: 7, cpu_subtype: 3 }, Architecture { cpu_type: 0x0100_0007, cpu_subtype: 3 });
}

#[test]
fn names_end_at_the_first_nul_or_after_16_bytes() {
    assert_eq!(Name(name16("__TEXT")), "__TEXT");
    assert_eq!(Name(*b"0123456789abcdef").text(), "0123456789abcdef");
    assert_eq!(Name(*b"a\0bcdefghijklmno").as_bytes(), b"a");
    assert_eq!(Name([0; 16]), "");
    assert_ne!(Name(name16("__TEXT")), "__TEXT_EXEC");
    let odd = Name(*b"\xff__TEXT\0\0\0\0\0\0\0\0\0");
    assert_eq!((odd.as_bytes(), odd.to_string().as_str()), (&b"\xff__TEXT"[..], "\u{fffd}__TEXT"));
    assert_eq!(format!("{odd:?} {:>8}|", Name(name16("a"))), "\"\u{fffd}__TEXT\"        a|");
}
