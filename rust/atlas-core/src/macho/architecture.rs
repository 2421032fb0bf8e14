//! Names of processors.

use std::borrow::Cow;
use std::fmt;

use super::raw::cpu_type::{ARM, ARM64, ARM64_32, I386, POWERPC, POWERPC64, X86_64};

/// The high byte of a CPU subtype holds capabilities; on arm64e, the version of the pointer-authentication ABI.
const CAPABILITIES: u32 = 0xff00_0000;

/// A `cpu_type_t` and a `cpu_subtype_t` of `<mach/machine.h>`.
///
/// Equal as dyld equates them: the capability byte of the subtype counts on arm64 alone.
#[derive(Clone, Copy, Debug)]
pub struct Architecture {
    /// `cputype` of the header.
    pub cpu_type: u32,
    /// `cpusubtype` of the header, with its capability byte.
    pub cpu_subtype: u32,
}

const fn known(cpu_type: u32, cpu_subtype: u32, name: &'static str) -> (Architecture, &'static str) {
    (Architecture { cpu_type, cpu_subtype }, name)
}

/// By the names that dyld gives them.
const NAMED_BY_DYLD: [(Architecture, &str); 21] = [
    known(X86_64, 3, "x86_64"),
    known(X86_64, 8, "x86_64h"),
    known(ARM64, 0, "arm64"),
    known(ARM64, 1, "arm64"),
    known(ARM64, 0x8000_0002, "arm64e"),
    known(ARM64, 0x8100_0002, "arm64e.v1"),
    known(ARM64, 2, "arm64e.old"),
    known(ARM64, 0xc000_0002, "arm64e.kernel"),
    known(ARM64, 0xc100_0002, "arm64e.kernel.v1"),
    known(ARM64, 0xc200_0002, "arm64e.kernel.v2"),
    known(ARM64_32, 1, "arm64_32"),
    known(ARM64_32, 0, "arm64_32"),
    known(I386, 3, "i386"),
    known(ARM, 6, "armv6"),
    known(ARM, 9, "armv7"),
    known(ARM, 11, "armv7s"),
    known(ARM, 12, "armv7k"),
    known(ARM, 14, "armv6m"),
    known(ARM, 15, "armv7m"),
    known(ARM, 16, "armv7em"),
    known(POWERPC, 0, "ppc"),
];

/// dyld calls these unknown; the names are those of arch(3), and of the shared cache for arm64e.x1.
const NAMED_ELSEWHERE: [(Architecture, &str); 10] = [
    known(ARM, 0, "arm"),
    known(ARM, 5, "armv4t"),
    known(ARM, 7, "armv5"),
    known(ARM, 8, "xscale"),
    known(ARM, 10, "armv7f"),
    known(ARM, 13, "armv8"),
    known(POWERPC, 10, "ppc7400"),
    known(POWERPC, 11, "ppc7450"),
    known(POWERPC, 100, "ppc970"),
    known(POWERPC64, 0, "ppc64"),
];

impl Architecture {
    pub(super) const ARM64: Self = known(ARM64, 0, "").0;
    pub(super) const ARM64E: Self = known(ARM64, 0x8000_0002, "").0;
    pub(super) const ARM64E_OLD: Self = known(ARM64, 2, "").0;

    /// The name by which dyld knows it, as in `arm64e`; else that of arch(3); else `unknown(cpu type,cpu subtype)` in
    /// decimal, as lipo writes it.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        let found = NAMED_BY_DYLD.iter().chain(&NAMED_ELSEWHERE).find(|(architecture, _)| *architecture == self);
        match found {
            Some((_, name)) => Cow::Borrowed(name),
            // macOS 27 has its own cache for this processor; the capability byte of its images varies.
            None if self.cpu_type == ARM64 && self.cpu_subtype & !CAPABILITIES == 12 => Cow::Borrowed("arm64e.x1"),
            None => Cow::Owned(format!("unknown({},{})", self.cpu_type, self.cpu_subtype)),
        }
    }

    /// True for the processors of which dyld builds simulator binaries on a Mac with `LC_VERSION_MIN_*`.
    pub(super) const fn is_intel(self) -> bool {
        matches!(self.cpu_type, I386 | X86_64)
    }
}

impl PartialEq for Architecture {
    fn eq(&self, other: &Self) -> bool {
        let different = self.cpu_subtype ^ other.cpu_subtype;
        self.cpu_type == other.cpu_type
            && (different == 0 || (self.cpu_type != ARM64 && different & !CAPABILITIES == 0))
    }
}

impl Eq for Architecture {}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}
