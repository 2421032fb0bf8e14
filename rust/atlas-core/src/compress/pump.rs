//! The loop that drives a decoder with an input and an output slice, so that every such codec ends the same way.

use super::fault::Fault;

/// What one call of a decoder did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) consumed: usize,
    pub(super) produced: usize,
    /// The stream ended, its checksum, if it has one, included.
    pub(super) ended: bool,
}

/// Calls `step` until the stream in `payload` ends, and requires that it fills `output` exactly and ends where the
/// payload ends. `step` never sees more room than `output` has, and one byte more to tell whether the stream goes on.
pub(super) fn pump(
    payload: &[u8],
    output: &mut [u8],
    mut step: impl FnMut(&[u8], &mut [u8]) -> Result<Step, Fault>,
) -> Result<(), Fault> {
    let declared = output.len();
    let (mut read, mut written) = (0_usize, 0_usize);
    let mut beyond = [0_u8];
    loop {
        let input = payload.get(read..).unwrap_or_default();
        let room = match output.get_mut(written..) {
            Some(room) if !room.is_empty() => room,
            _ => &mut beyond,
        };
        let done = step(input, room).map_err(|fault| fault.behind(read))?;
        read = read.saturating_add(done.consumed);
        written = written.saturating_add(done.produced);
        if written > declared {
            return Err(Fault::long(read, declared));
        }
        if done.ended {
            break;
        }
        if done.consumed == 0 && done.produced == 0 {
            return Err(Fault::cut(payload.len(), declared, written));
        }
    }
    if written < declared {
        return Err(Fault::short(read, declared, written));
    }
    Fault::unless_at_end(payload, read)
}
