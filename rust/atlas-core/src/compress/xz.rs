//! LZMA: one `.xz` stream.

use std::io::Write;

use lzma_rust2::{Action, Status, XzOptions, XzStream, XzWriter};

use super::fault::Fault;
use super::pump::{Step, pump};

/// The preset of Apple's encoder.
const PRESET: u32 = 6;
/// The smallest dictionary that the format knows, in bytes.
const SMALLEST_DICTIONARY: u32 = 4096;
/// The dictionary of `xz -9`, the largest preset, in KiB. A block that is larger itself may ask for as much as it has.
const LARGEST_DICTIONARY_KIB: u64 = 64 << 10;
/// What the decoder counts beside the dictionary, rounded up, in KiB.
const OVERHEAD_KIB: u64 = 1024;

/// Decodes one stream with any of the checks none, CRC32, CRC64, SHA-256. The library's window grows with what is
/// decoded; the bound on the declared dictionary keeps that a detail which may change.
pub(super) fn decode(payload: &[u8], output: &mut [u8]) -> Result<(), Fault> {
    let block_kib = output.len() as u64 / 1024;
    let memory = u32::try_from(block_kib.max(LARGEST_DICTIONARY_KIB).saturating_add(OVERHEAD_KIB)).unwrap_or(u32::MAX);
    let mut stream = XzStream::new_mem_limit(false, memory);
    pump(payload, output, |input, room| {
        let read = stream.total_in();
        let result = stream.process(input, room, Action::Finish).map_err(|error| {
            let offset = usize::try_from(stream.total_in().saturating_sub(read)).unwrap_or(usize::MAX);
            Fault::new(offset, "an .xz stream", error.to_string())
        })?;
        Ok(Step {
            consumed: result.bytes_consumed,
            produced: result.bytes_produced,
            ended: result.status == Status::StreamEnd,
        })
    })
}

/// One stream with CRC64, its dictionary no larger than the block; `None` where the library fails.
pub(super) fn encode(data: &[u8]) -> Option<Vec<u8>> {
    let mut options = XzOptions::with_preset(PRESET);
    let largest = options.lzma_options.dict_size;
    let fitting = data.len().checked_next_power_of_two().and_then(|size| u32::try_from(size).ok()).unwrap_or(largest);
    options.lzma_options.dict_size = fitting.clamp(SMALLEST_DICTIONARY.min(largest), largest);
    let mut writer = XzWriter::new(Vec::new(), options).ok()?;
    writer.write_all(data).ok()?;
    writer.finish().ok()
}
