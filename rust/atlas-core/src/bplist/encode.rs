//! The bytes of objects, as dyld's encoder chooses them where the format leaves a choice.

pub(super) fn put(bytes: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    bytes.push(marker);
    bytes.extend_from_slice(payload);
}

#[inline]
pub(super) fn put_integer(bytes: &mut Vec<u8>, value: i128) {
    match value {
        0..=0x7F => bytes.extend_from_slice(&[0x10, value as u8]),
        0x80..=0x7FFF => put(bytes, 0x11, &(value as u16).to_be_bytes()),
        0x8000..=0x7FFF_FFFF => put(bytes, 0x12, &(value as u32).to_be_bytes()),
        _ => match i64::try_from(value) {
            Ok(value) => put(bytes, 0x13, &value.to_be_bytes()),
            Err(_) => put(bytes, 0x14, &value.to_be_bytes()),
        },
    }
}

/// A marker with its count. dyld's encoder writes the count of strings and dictionaries by its rule for integers, so
/// 200 takes two bytes, but that of data and arrays without a sign, so 200 takes one (both since dyld 1284.13).
/// Readers take both.
pub(super) fn put_count(bytes: &mut Vec<u8>, marker: u8, count: usize, signed: bool) {
    match count {
        0..=14 => bytes.push(marker | count as u8),
        15..=0xFF if !signed => bytes.extend_from_slice(&[marker | 0x0F, 0x10, count as u8]),
        0x100..=0xFFFF if !signed => put(bytes, marker | 0x0F, &[0x11, (count >> 8) as u8, count as u8]),
        _ => {
            bytes.push(marker | 0x0F);
            put_integer(bytes, count as i128);
        }
    }
}

pub(super) fn put_counted(bytes: &mut Vec<u8>, marker: u8, count: usize, payload: &[u8]) {
    put_count(bytes, marker, count, marker != 0x40);
    bytes.extend_from_slice(payload);
}

pub(super) fn put_utf16(bytes: &mut Vec<u8>, count: usize, units: impl Iterator<Item = u16>) {
    put_count(bytes, 0x60, count, true);
    bytes.extend(units.flat_map(u16::to_be_bytes));
}

/// The fewest bytes, of 1, 2, 4 and 8, that hold the number. dyld and plistlib ask this of the number of objects,
/// although the largest reference is one less.
pub(super) fn smallest_width(number: u64) -> usize {
    match number {
        0..=0xFF => 1,
        0x100..=0xFFFF => 2,
        0x1_0000..=0xFFFF_FFFF => 4,
        _ => 8,
    }
}

#[inline]
pub(super) fn put_width(bytes: &mut Vec<u8>, width: usize, number: u64) {
    match width {
        1 => bytes.push(number as u8),
        2 => bytes.extend_from_slice(&(number as u16).to_be_bytes()),
        4 => bytes.extend_from_slice(&(number as u32).to_be_bytes()),
        _ => bytes.extend_from_slice(&number.to_be_bytes()),
    }
}

pub(super) fn put_references(bytes: &mut Vec<u8>, width: usize, references: &[u32]) {
    match width {
        1 => bytes.extend(references.iter().map(|reference| *reference as u8)),
        2 => bytes.extend(references.iter().flat_map(|reference| (*reference as u16).to_be_bytes())),
        _ => bytes.extend(references.iter().flat_map(|reference| reference.to_be_bytes())),
    }
}
