//! Which platform a file was built for, and the versions that go with it.

use std::fmt;

use super::architecture::Architecture;
use super::command::Command;
use super::raw::{build_version, command, platform, version_min};

/// A version in the form `xxxx.yy.zz`: 16, 8 and 8 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u32);

impl Version {
    /// The first number.
    #[must_use]
    pub const fn major(self) -> u32 {
        self.0 >> 16
    }

    /// The second number.
    #[must_use]
    pub const fn minor(self) -> u32 {
        (self.0 >> 8) & 0xff
    }

    /// The third number.
    #[must_use]
    pub const fn patch(self) -> u32 {
        self.0 & 0xff
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major(), self.minor())?;
        if self.patch() == 0 { Ok(()) } else { write!(f, ".{}", self.patch()) }
    }
}

/// `LC_BUILD_VERSION`, or one of the `LC_VERSION_MIN_*` before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BuildVersion {
    /// `PLATFORM_*` of `<mach-o/loader.h>`, known or not.
    pub platform: u32,
    /// The oldest system that the file runs on.
    pub min_os: Version,
    /// The SDK that it was built with.
    pub sdk: Version,
}

impl BuildVersion {
    /// Reads `command`, or `None` where it says nothing about the platform.
    pub(super) fn read(command: Command<'_>, architecture: Architecture) -> Option<Self> {
        let fields = command.fields();
        // The older commands do not tell simulators apart; dyld goes by the processor.
        let or_simulator = |device, simulator| if architecture.is_intel() { simulator } else { device };
        let platform = match command.number() {
            command::BUILD_VERSION => {
                return Some(Self {
                    platform: fields.u32(build_version::PLATFORM),
                    min_os: Version(fields.u32(build_version::MIN_OS)),
                    sdk: Version(fields.u32(build_version::SDK)),
                });
            }
            command::VERSION_MIN_MACOS => platform::MACOS,
            command::VERSION_MIN_IOS => or_simulator(platform::IOS, platform::IOS_SIMULATOR),
            command::VERSION_MIN_TVOS => or_simulator(platform::TVOS, platform::TVOS_SIMULATOR),
            command::VERSION_MIN_WATCHOS => or_simulator(platform::WATCHOS, platform::WATCHOS_SIMULATOR),
            _ => return None,
        };
        let min_os = Version(fields.u32(version_min::MIN_OS));
        let sdk = match Version(fields.u32(version_min::SDK)) {
            // At first the command had no SDK, and 0 in its place: dyld takes the oldest system instead.
            Version(0) if platform == platform::MACOS => min_os,
            sdk => sdk,
        };
        Some(Self { platform, min_os, sdk })
    }

    /// Joins what two commands say, as dyld does: macOS wins over Mac Catalyst (such a library is "zippered", built
    /// for both), a repeated platform takes its last versions, and otherwise the first command holds.
    pub(super) fn join(first: Option<Self>, next: Self) -> Self {
        match first {
            Some(first)
                if first.platform != next.platform
                    && !(first.platform == platform::MAC_CATALYST && next.platform == platform::MACOS) =>
            {
                first
            }
            _ => next,
        }
    }
}
