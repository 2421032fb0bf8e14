//! What errors of processes say.

use std::error::Error as _;

use crate::error::{Error, ErrorKind, SystemStatus, TaskFailure, kern_return_name};

fn failure(status: SystemStatus, pid: Option<u32>) -> TaskFailure {
    TaskFailure { call: "task_read_for_pid", pid, status }
}

#[test]
fn each_says_what_failed() {
    let refused = failure(SystemStatus::KernReturn(5), Some(7));
    let errors = [
        (Error::mach("mach_vm_region", 1), 9, "mach_vm_region: KERN_INVALID_ADDRESS (1)"),
        (Error::new(ErrorKind::TaskAccess(refused)), 10, "process 7: task_read_for_pid: KERN_FAILURE (5)"),
        (
            Error::new(ErrorKind::TaskGone(failure(SystemStatus::KernReturn(16), None))),
            11,
            "task_read_for_pid: KERN_INVALID_TASK (16)",
        ),
        (
            Error::new(ErrorKind::SnapshotTorn { attempts: 100, last: None }),
            12,
            "none of 100 copies of what the process publishes was whole: it published anew each time",
        ),
        (Error::watcher("the watcher was closed"), 13, "the watcher was closed"),
        (Error::unsupported("nothing here"), 14, "nothing here"),
    ];
    for (error, code, text) in errors {
        assert_eq!((error.kind().code(), error.to_string().as_str()), (code, text));
        assert!(error.source().is_none());
    }
    let gone = failure(SystemStatus::Errno(3), Some(7)).to_string();
    assert!(gone.starts_with("process 7: task_read_for_pid: ") && gone.len() > 40, "{gone}");
}

#[test]
fn the_last_attempt_is_the_reason() {
    let last = Some(Error::archive(5, "an archive", "zeros"));
    let error = Error::new(ErrorKind::SnapshotTorn { attempts: 3, last });
    assert!(error.to_string().ends_with("; the last copy: expected an archive, found zeros at offset 0x5"), "{error}");
    assert!(error.source().is_some());
}

#[test]
fn numbers_of_mach_have_names() {
    for (code, name) in [
        (0, "KERN_SUCCESS"),
        (4, "KERN_INVALID_ARGUMENT"),
        (15, "KERN_INVALID_NAME"),
        (37, "KERN_TERMINATED"),
        (0x1000_4003, "MACH_RCV_TIMED_OUT"),
        (-1, "unknown"),
        (9999, "unknown"),
    ] {
        assert_eq!(kern_return_name(code), name);
    }
}
