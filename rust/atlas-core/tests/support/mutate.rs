//! Damages bytes: a small generator of random numbers, and the ways in which files are damaged and forged.

/// A xorshift generator: the same numbers everywhere for the same seed.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`; 0 where that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A range within `length` bytes, mostly short.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        let most = if self.below(4) == 0 { length - start } else { (length - start).min(40) };
        start..start + self.below(most + 1)
    }
}

const BYTES: [u8; 12] = [0, 1, 0x0f, 0x10, 0x4f, 0x50, 0x7f, 0x80, 0xa0, 0xd1, 0xdf, 0xff];

/// Damages `bytes` in one to four places; `other` is what slices may come from.
pub fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..1 + random.below(4) {
        one(bytes, other, random);
    }
}

fn one(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if bytes.is_empty() {
        bytes.push(random.next() as u8);
        return;
    }
    let at = random.below(bytes.len());
    match random.below(16) {
        0 | 1 => bytes[at] ^= 1 << random.below(8),
        2 | 3 => bytes[at] = random.pick(&BYTES),
        4 => bytes[at] = random.next() as u8,
        5..=9 => integer(bytes, at, random),
        10 => bytes.truncate(at),
        11 => {
            let range = random.range(bytes.len());
            bytes.drain(range);
        }
        12 => {
            let copy = bytes[random.range(bytes.len())].to_vec();
            bytes.splice(at..at, copy);
        }
        13 => {
            let (a, b) = (random.range(bytes.len()), random.range(bytes.len()));
            let length = a.len().min(b.len());
            for index in 0..length {
                bytes.swap(a.start + index, b.start + index);
            }
        }
        // The tail holds what says where everything is, in property lists.
        14 => {
            let tail = bytes.len().saturating_sub(40);
            integer(bytes, tail + at % 40, random);
        }
        _ => {
            let slice = &other[random.range(other.len())];
            let end = (at + if random.below(2) == 0 { slice.len() } else { 0 }).min(bytes.len());
            bytes.splice(at..end, slice.iter().copied());
        }
    }
}

/// Edits a number of 1, 2, 4 or 8 bytes in either byte order.
fn integer(bytes: &mut [u8], at: usize, random: &mut Random) {
    let width = random.pick(&[1_usize, 2, 4, 8]);
    let length = bytes.len() as u64;
    let Some(field) = bytes.get_mut(at..at + width) else { return };
    let big = random.below(2) == 0;
    let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    let old = if big { field.iter().fold(0, join) } else { field.iter().rev().fold(0, join) };
    let near = length.wrapping_add(random.next() % 5).wrapping_sub(2);
    let values = [0, 1, u64::MAX, u64::MAX >> 1, 1 << 63, near, old.wrapping_add(1), old.wrapping_sub(1), old << 1];
    let value = random.pick(&values);
    let value = if big { (value << (64 - 8 * width as u32)).to_be_bytes() } else { value.to_le_bytes() };
    field.copy_from_slice(&value[..width]);
}
