//! What the words of a chain mean, version by version: the formulas alone.

use super::{Authentication, Key};

/// How a mapping encodes its pointers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Encoding {
    /// Version 1: plain addresses.
    Plain { wide: bool },
    /// Version 2: some bits hold the distance to the next link, the others the value.
    Masked { wide: bool, delta_mask: u64, delta_shift: u32, value_add: u64 },
    /// Version 3: `dyld_cache_slide_pointer3`.
    Chained3 { value_add: u64 },
    /// Version 4: as version 2 in 32 bits, with small numbers among the links.
    Small { delta_mask: u32, delta_shift: u32, value_add: u32 },
    /// Version 5: `dyld_cache_slide_pointer5`.
    Chained5 { value_add: u64 },
}

/// What stands at a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Pointer {
        target: u64,
        authentication: Option<Authentication>,
    },
    /// A number that the builder let a chain pass through, since the next pointer was too far for one step.
    Number(u64),
}

/// `count` bits of `raw` from `first` on.
const fn bits(raw: u64, first: u32, count: u32) -> u64 {
    raw >> first & ((1 << count) - 1)
}

const AUTHENTICATED: u64 = 1 << 63;

impl Encoding {
    #[inline]
    pub const fn pointer_size(&self) -> u8 {
        match self {
            Self::Plain { wide } | Self::Masked { wide, .. } => {
                if *wide {
                    8
                } else {
                    4
                }
            }
            Self::Small { .. } => 4,
            Self::Chained3 { .. } | Self::Chained5 { .. } => 8,
        }
    }

    /// Bytes from this link to the next; 0 at the end of the chain.
    #[inline]
    pub const fn delta(&self, raw: u64) -> u64 {
        match *self {
            Self::Plain { .. } => 0,
            Self::Masked { delta_mask, delta_shift, .. } => (raw & delta_mask) >> delta_shift,
            Self::Chained3 { .. } => bits(raw, 51, 11) * 8,
            Self::Small { delta_mask, delta_shift, .. } => (raw & delta_mask as u64) >> delta_shift,
            Self::Chained5 { .. } => bits(raw, 52, 11) * 8,
        }
    }

    #[inline]
    pub fn value(&self, raw: u64) -> Value {
        match *self {
            Self::Plain { .. } => plain(raw),
            Self::Masked { wide, delta_mask, value_add, .. } => match raw & !delta_mask {
                0 => Value::Number(0),
                value if wide => plain(value.wrapping_add(value_add)),
                value => plain(value.wrapping_add(value_add) & u64::from(u32::MAX)),
            },
            Self::Chained3 { value_add } if raw & AUTHENTICATED != 0 => Value::Pointer {
                target: bits(raw, 0, 32).wrapping_add(value_add),
                authentication: Some(Authentication {
                    diversity: bits(raw, 32, 16) as u16,
                    address_diversity: bits(raw, 48, 1) != 0,
                    key: match bits(raw, 49, 2) {
                        0 => Key::IA,
                        1 => Key::IB,
                        2 => Key::DA,
                        _ => Key::DB,
                    },
                }),
            },
            // 43 bits of address, and 8 that belong at the top.
            Self::Chained3 { .. } => plain(bits(raw, 43, 8) << 56 | bits(raw, 0, 43)),
            Self::Small { delta_mask, value_add, .. } => small(raw as u32 & !delta_mask, value_add),
            Self::Chained5 { value_add } => {
                let target = bits(raw, 0, 34).wrapping_add(value_add);
                if raw & AUTHENTICATED == 0 {
                    return plain(bits(raw, 34, 8) << 56 | target);
                }
                let authentication = Authentication {
                    diversity: bits(raw, 34, 16) as u16,
                    address_diversity: bits(raw, 50, 1) != 0,
                    key: if bits(raw, 51, 1) == 0 { Key::IA } else { Key::DA },
                };
                Value::Pointer { target, authentication: Some(authentication) }
            }
        }
    }
}

const fn plain(target: u64) -> Value {
    Value::Pointer { target, authentication: None }
}

/// Version 4 gives two bits of a link away; numbers near 0 survive that on both sides.
const fn small(value: u32, value_add: u32) -> Value {
    if value & 0xffff_8000 == 0 {
        Value::Number(value as u64)
    } else if value & 0x3fff_8000 == 0x3fff_8000 {
        Value::Number((value | 0xc000_0000) as u64)
    } else {
        plain(value.wrapping_add(value_add) as u64)
    }
}
