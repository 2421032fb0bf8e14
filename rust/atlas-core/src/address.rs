//! Addresses by what they mean. Only operations that make sense exist, all modulo 2^64 as in dyld.

/// Where the linker or the cache builder placed something ("unslid").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PreferredAddress(pub u64);

/// Where something lies in the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RebasedAddress(pub u64);

/// How far something was moved from its preferred address; a negative slide is its two's complement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Slide(pub u64);

impl std::ops::Add<Slide> for PreferredAddress {
    type Output = RebasedAddress;
    fn add(self, slide: Slide) -> RebasedAddress {
        RebasedAddress(self.0.wrapping_add(slide.0))
    }
}

impl std::ops::Sub<PreferredAddress> for RebasedAddress {
    type Output = Slide;
    fn sub(self, preferred: PreferredAddress) -> Slide {
        Slide(self.0.wrapping_sub(preferred.0))
    }
}
