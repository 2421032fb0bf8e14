//! A simple encoder: for each eight bytes the better of two distances, the current one and that of the last place where
//! the next four bytes stood.

use std::collections::HashMap;

use super::{
    FEWEST_REPETITIONS, FIRST_DISTANCE, FIRST_TABLE_OPERATION, GROUP, HEADER, LARGEST_CHUNK, MAGIC, Operation,
    PLAIN_HEADER, REPEAT, TABLE_ENTRIES, TABLE_SIZE,
};

/// The farthest that two bytes of distance reach.
const LARGEST_DISTANCE: usize = 0xffff;
/// How many places the encoder remembers, as a power of two.
const PLACES_LOG: u32 = 15;
/// A place that was never seen.
const NOWHERE: usize = usize::MAX;

/// One stream; `None` where it would need an offset that the format cannot hold, which no chunk of at most
/// [`LARGEST_CHUNK`] bytes does.
pub(in super::super) fn encode(data: &[u8]) -> Option<Vec<u8>> {
    let mut stream = MAGIC.to_vec();
    let mut places = vec![NOWHERE; 1 << PLACES_LOG];
    let mut start = 0;
    for chunk in data.chunks(LARGEST_CHUNK) {
        let end = start + chunk.len();
        let plain_size = chunk.len() + PLAIN_HEADER;
        match Chunk::of(data, start, end, &mut places).to_bytes(chunk.len()) {
            Some(bytes) if bytes.len() < plain_size => stream.extend_from_slice(&bytes),
            _ => {
                stream.extend_from_slice(&u24(plain_size)?);
                stream.extend_from_slice(&u24(chunk.len())?);
                stream.extend_from_slice(chunk);
            }
        }
        start = end;
    }
    stream.extend_from_slice(&[6, 0, 0, 0, 0, 0]);
    Some(stream)
}

fn u24(value: usize) -> Option<[u8; 3]> {
    match u32::try_from(value).ok()?.to_le_bytes() {
        [low, middle, high, 0] => Some([low, middle, high]),
        _ => None,
    }
}

/// What one chunk is made of, before the table is chosen.
#[derive(Default)]
struct Chunk {
    literals: Vec<u8>,
    distances: Vec<u8>,
    operations: Vec<Operation>,
}

impl Chunk {
    /// The operations that make `data[start..end]`, given all that stands before it.
    fn of(data: &[u8], start: usize, end: usize, places: &mut [usize]) -> Self {
        let mut chunk = Self::default();
        let mut distance = FIRST_DISTANCE;
        let mut position = start;
        while position < end {
            let group = data.get(position..end.min(position + GROUP)).unwrap_or_default();
            let seen = place(data, position, places).map(|place| position.saturating_sub(*place));
            let mut best = (literals(data, position, group, distance), 0_u8);
            if let Some(other) = seen.filter(|other| (1..=LARGEST_DISTANCE).contains(other)) {
                let bitmap = literals(data, position, group, other);
                let distance_bytes = if other <= 0xff { 1 } else { 2 };
                if bitmap.count_ones() + u32::from(distance_bytes) < best.0.count_ones() {
                    best = (bitmap, distance_bytes);
                    distance = other;
                }
            }
            let (bitmap, distance_bytes) = best;
            chunk.distances.extend(distance.to_le_bytes().iter().take(distance_bytes.into()));
            let literal = |&(bit, _): &(usize, &u8)| bitmap >> bit & 1 == 1;
            chunk.literals.extend(group.iter().enumerate().filter(literal).map(|(_, byte)| byte));
            chunk.operations.push(Operation { bitmap, distance_bytes });
            for at in position..position + group.len() {
                if let Some(place) = place(data, at, places) {
                    *place = at;
                }
            }
            position += group.len();
        }
        chunk
    }

    /// The chunk with its header and its table; `None` where it cannot be written.
    fn to_bytes(&self, decoded: usize) -> Option<Vec<u8>> {
        let (table, numbers) = choose_table(&self.operations);
        let (mut bitmaps, mut nibbles) = (Vec::new(), Vec::new());
        for run in self.operations.chunk_by(PartialEq::eq) {
            let operation = run.first()?;
            let number = numbers.get(operation).copied().unwrap_or(operation.distance_bytes);
            if number < FIRST_TABLE_OPERATION {
                bitmaps.extend(run.iter().map(|operation| operation.bitmap));
            }
            match run.len().checked_sub(FEWEST_REPETITIONS) {
                None => nibbles.extend(run.iter().map(|_| number)),
                Some(more) => {
                    nibbles.extend([number, REPEAT]);
                    nibbles.extend(std::iter::repeat_n(REPEAT, more / usize::from(REPEAT)));
                    nibbles.push(u8::try_from(more % usize::from(REPEAT)).ok()?);
                }
            }
        }
        let distances_at = HEADER + self.literals.len();
        let bitmaps_at = distances_at + self.distances.len();
        let nibbles_at = bitmaps_at + bitmaps.len();
        let length = nibbles_at + nibbles.len().div_ceil(2) + TABLE_SIZE;
        let mut bytes = Vec::with_capacity(length);
        for number in [length, decoded, distances_at, bitmaps_at, nibbles_at] {
            bytes.extend_from_slice(&u24(number)?);
        }
        bytes.extend_from_slice(&self.literals);
        bytes.extend_from_slice(&self.distances);
        bytes.extend_from_slice(&bitmaps);
        bytes.extend(nibbles.chunks(2).map(|pair| match pair {
            [low, high] => low | high << 4,
            _ => pair.first().copied().unwrap_or_default(),
        }));
        bytes.extend_from_slice(&table_bytes(&table));
        Some(bytes)
    }
}

/// Which bytes of the group do not equal those `distance` back. All bits are set where none do, or where the distance
/// reaches before the data.
fn literals(data: &[u8], position: usize, group: &[u8], distance: usize) -> u8 {
    let source = position.checked_sub(distance).and_then(|source| data.get(source..)).unwrap_or_default();
    if source.is_empty() {
        return u8::MAX;
    }
    let differs = |(bit, (a, b)): (usize, (&u8, &u8))| u8::from(a != b) << bit;
    let bitmap = group.iter().zip(source).enumerate().map(differs).fold(0, |all, bit| all | bit);
    if bitmap.count_ones() as usize == group.len() { u8::MAX } else { bitmap }
}

/// Where the four bytes at `position` were seen last.
fn place<'a>(data: &[u8], position: usize, places: &'a mut [usize]) -> Option<&'a mut usize> {
    let next = data.get(position..)?.first_chunk::<4>()?;
    let hash = u32::from_le_bytes(*next).wrapping_mul(0x9e37_79b1) >> (u32::BITS - PLACES_LOG);
    places.get_mut(usize::try_from(hash).ok()?)
}

/// The most frequent operations, and their numbers. Ties go by value, so that the same input gives the same bytes.
fn choose_table(operations: &[Operation]) -> (Vec<Operation>, HashMap<Operation, u8>) {
    let mut counts = HashMap::<Operation, usize>::new();
    for operation in operations {
        *counts.entry(*operation).or_default() += 1;
    }
    let mut order: Vec<(usize, Operation)> = counts.into_iter().map(|(operation, count)| (count, operation)).collect();
    order.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    order.truncate(TABLE_ENTRIES);
    let table: Vec<Operation> = order.into_iter().map(|(_, operation)| operation).collect();
    let numbers = table.iter().copied().zip(FIRST_TABLE_OPERATION..).collect();
    (table, numbers)
}

fn table_bytes(table: &[Operation]) -> [u8; TABLE_SIZE] {
    let mut bits = [0_u8; 16];
    let packed = table.iter().enumerate().fold(0_u128, |packed, (entry, operation)| {
        let value = u128::from(operation.bitmap) | u128::from(operation.distance_bytes) << 8;
        packed | value << (entry * 10)
    });
    bits.copy_from_slice(&packed.to_le_bytes());
    let mut bytes = [0; TABLE_SIZE];
    bytes.iter_mut().zip(bits).for_each(|(byte, packed)| *byte = packed);
    bytes
}
