//! The decoder. Every read is checked; a distance may reach into earlier chunks, not before the block.

use super::{
    FEWEST_REPETITIONS, FIRST_DISTANCE, FIRST_TABLE_OPERATION, GROUP, HEADER, LARGEST_CHUNK, MAGIC, Operation,
    PLAIN_HEADER, REPEAT, TABLE_ENTRIES, TABLE_SIZE,
};
use crate::bytes::Cursor;
use crate::compress::fault::Fault;

/// What a chunk should have held, and what it holds.
type Bad = (&'static str, &'static str);

const CUT: Bad = ("operations for the whole chunk", "the end of the chunk");

/// Decodes one stream.
pub(in super::super) fn decode(payload: &[u8], output: &mut [u8]) -> Result<(), Fault> {
    let declared = output.len();
    let mut cursor = Cursor::new(payload);
    if cursor.array::<4>().as_ref() != Some(MAGIC) {
        let found = payload.get(..MAGIC.len()).unwrap_or(payload).escape_ascii().to_string();
        return Err(Fault::new(0, "an LZBITMAP stream, \"ZBM\\x09\"", found));
    }
    let mut written = 0_usize;
    loop {
        let start = cursor.position();
        let mut sizes = Cursor::at(payload, start);
        let Some((length, decoded)) = u24(&mut sizes).zip(u24(&mut sizes)) else {
            return Err(Fault::cut(start, declared, written));
        };
        if length < PLAIN_HEADER || decoded > LARGEST_CHUNK {
            let found = format!("{length} bytes that decode to {decoded}");
            return Err(Fault::new(start, "an LZBITMAP chunk of 6 bytes that decodes to at most 32768", found));
        }
        let Some(chunk) = cursor.take(length) else {
            let found = format!("{} to the end of the block", cursor.remaining());
            return Err(Fault::new(start, format!("{length} bytes of LZBITMAP chunk"), found));
        };
        if decoded == 0 && length == PLAIN_HEADER {
            break;
        }
        let end = written.checked_add(decoded).filter(|&end| end <= declared);
        let target = end.and_then(|end| output.get_mut(..end)).ok_or_else(|| Fault::long(start, declared))?;
        decode_chunk(chunk, target, written).map_err(|(expected, found)| Fault::new(start, expected, found))?;
        written = target.len();
    }
    match written == declared {
        true => Fault::unless_at_end(payload, cursor.position()),
        false => Err(Fault::short(cursor.position(), declared, written)),
    }
}

fn u24(cursor: &mut Cursor<'_>) -> Option<usize> {
    let [low, middle, high] = cursor.array::<3>()?;
    usize::try_from(u32::from_le_bytes([low, middle, high, 0])).ok()
}

/// Decodes `chunk` to `output[written..]`.
fn decode_chunk(chunk: &[u8], output: &mut [u8], written: usize) -> Result<(), Bad> {
    let body = chunk.get(PLAIN_HEADER..).unwrap_or_default();
    if let Some(target) = output.get_mut(written..)
        && target.len() == body.len()
    {
        target.copy_from_slice(body);
        return Ok(());
    }
    let mut chunk = Chunk::parse(chunk)?;
    let mut position = written;
    while position < output.len() {
        let operation = chunk.operations.next().ok_or(CUT)?;
        if operation == REPEAT {
            return Err(("an LZBITMAP operation", "a repetition of none"));
        }
        let more_than_a_group = output.len().saturating_sub(position) > GROUP;
        let repetitions = if more_than_a_group { chunk.repetitions()? } else { 1 };
        for _ in 0..repetitions {
            // Apple's encoder repeats past the end of the last chunk; what is past it counts for nothing.
            if position >= output.len() {
                break;
            }
            let operation = chunk.operation(operation)?;
            chunk.group(operation, output, position)?;
            position = position.saturating_add(GROUP);
        }
    }
    Ok(())
}

/// The cursors of one chunk.
struct Chunk<'a> {
    literals: &'a [u8],
    distances: &'a [u8],
    bitmaps: &'a [u8],
    operations: Nibbles<'a>,
    table: [Operation; TABLE_ENTRIES],
    distance: usize,
}

impl<'a> Chunk<'a> {
    fn parse(chunk: &'a [u8]) -> Result<Self, Bad> {
        const BAD: Bad = ("three offsets within the LZBITMAP chunk, and a table", "a chunk that does not hold them");
        let mut header = Cursor::at(chunk, PLAIN_HEADER);
        let mut part = || u24(&mut header).and_then(|offset| chunk.get(offset..)).filter(|rest| !rest.is_empty());
        let (distances, bitmaps, operations) =
            part().zip(part()).zip(part()).map(|((a, b), c)| (a, b, c)).ok_or(BAD)?;
        let table = chunk.len().checked_sub(TABLE_SIZE).and_then(|start| chunk.get(start..)).ok_or(BAD)?;
        Ok(Self {
            literals: chunk.get(HEADER..).ok_or(BAD)?,
            distances,
            bitmaps,
            operations: Nibbles { bytes: operations, high: None },
            table: parse_table(table)?,
            distance: FIRST_DISTANCE,
        })
    }

    /// How often the operation that was just read is to be done: 4 and a run of numbers up to the first that is not 15,
    /// where a 15 follows, else once.
    fn repetitions(&mut self) -> Result<usize, Bad> {
        let before = self.operations;
        if self.operations.next() != Some(REPEAT) {
            self.operations = before;
            return Ok(1);
        }
        let mut count = FEWEST_REPETITIONS;
        loop {
            let more = self.operations.next().ok_or(CUT)?;
            count = count.saturating_add(more.into());
            if more != REPEAT {
                return Ok(count);
            }
        }
    }

    /// The operation of a number, its new distance read.
    fn operation(&mut self, number: u8) -> Result<u8, Bad> {
        let operation = match number.checked_sub(FIRST_TABLE_OPERATION) {
            Some(entry) => self.table.get(usize::from(entry)).copied().unwrap_or_default(),
            None => Operation { bitmap: take(&mut self.bitmaps)?, distance_bytes: number },
        };
        self.distance = match operation.distance_bytes {
            0 => return Ok(operation.bitmap),
            1 => take(&mut self.distances)?.into(),
            _ => u16::from_le_bytes([take(&mut self.distances)?, take(&mut self.distances)?]).into(),
        };
        match self.distance {
            0 => Err(("an LZBITMAP distance", "0")),
            _ => Ok(operation.bitmap),
        }
    }

    /// Decodes up to eight bytes.
    fn group(&mut self, bitmap: u8, output: &mut [u8], position: usize) -> Result<(), Bad> {
        let Some((history, target)) = output.split_at_mut_checked(position) else { return Ok(()) };
        let source = position.checked_sub(self.distance);
        if let Some(target) = target.first_chunk_mut::<GROUP>()
            && let Some(literals) = self.literals.first_chunk::<GROUP>()
        {
            let taken = bitmap.count_ones() as usize;
            if bitmap == u8::MAX {
                *target = *literals;
                self.literals = self.literals.get(taken..).unwrap_or_default();
                return Ok(());
            }
            if let Some(copied) = source.and_then(|source| history.get(source..)?.first_chunk::<GROUP>()) {
                mix(bitmap, literals, copied, target);
                self.literals = self.literals.get(taken..).unwrap_or_default();
                return Ok(());
            }
        }
        // The start of the block, the end of the chunk, or a distance of less than eight: a byte at a time.
        let end = output.len().min(position.saturating_add(GROUP));
        for (bit, at) in (position..end).enumerate() {
            let byte = if bitmap >> bit & 1 == 1 {
                take(&mut self.literals)?
            } else {
                let from = at.checked_sub(self.distance);
                *from
                    .and_then(|from| output.get(from))
                    .ok_or(("a distance within the block", "one before its start"))?
            };
            if let Some(target) = output.get_mut(at) {
                *target = byte;
            }
        }
        Ok(())
    }
}

/// Takes each byte from where its bit says.
#[inline]
fn mix(bitmap: u8, literals: &[u8; GROUP], copied: &[u8; GROUP], target: &mut [u8; GROUP]) {
    *target = *copied;
    let (mut bits, mut literal) = (bitmap, 0_usize);
    while bits != 0 {
        target[bits.trailing_zeros() as usize & (GROUP - 1)] = literals[literal & (GROUP - 1)];
        literal = literal.wrapping_add(1);
        bits &= bits.wrapping_sub(1);
    }
}

fn take(bytes: &mut &[u8]) -> Result<u8, Bad> {
    let (&first, rest) = bytes.split_first().ok_or(("the bytes of an operation", "the end of the chunk"))?;
    *bytes = rest;
    Ok(first)
}

fn parse_table(bytes: &[u8]) -> Result<[Operation; TABLE_ENTRIES], Bad> {
    let mut table = [Operation::default(); TABLE_ENTRIES];
    let mut bytes = bytes.iter();
    let (mut bits, mut available) = (0_u32, 0_u32);
    for operation in &mut table {
        while available < 10 {
            bits |= u32::from(bytes.next().copied().unwrap_or_default()) << available;
            available += 8;
        }
        let [bitmap, rest, ..] = bits.to_le_bytes();
        *operation = Operation { bitmap, distance_bytes: rest & 3 };
        if operation.distance_bytes == 3 {
            return Err(("a distance of 0, 1 or 2 bytes", "3"));
        }
        bits >>= 10;
        available -= 10;
    }
    Ok(table)
}

/// Numbers of four bits, the low half of a byte first.
#[derive(Clone, Copy)]
struct Nibbles<'a> {
    bytes: &'a [u8],
    high: Option<u8>,
}

impl Nibbles<'_> {
    #[inline]
    fn next(&mut self) -> Option<u8> {
        if let Some(high) = self.high.take() {
            return Some(high);
        }
        let (&byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        self.high = Some(byte >> 4);
        Some(byte & 0x0f)
    }
}
