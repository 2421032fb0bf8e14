pub(crate) mod builder;
mod command;
mod hostile;
mod names;
mod oracle;
mod outline;
mod platform;
mod slice;
pub(crate) mod trie;
mod universal;
mod view;

use crate::error::{Error, ErrorKind};

/// The parts of a Mach-O error that tests look at: offset, expected, found.
fn parts(error: &Error) -> (u64, &str, &str) {
    match error.kind() {
        ErrorKind::MachO(mismatch) => {
            (error.location().offset.expect("every Mach-O error has an offset"), &mismatch.expected, &mismatch.found)
        }
        other => panic!("not a Mach-O error: {other:?}"),
    }
}
