//! The one error of the crate: what is wrong, and where.
//!
//! An error is made on a cold path, so it may allocate; `Result` stays one pointer wide.

use std::borrow::Cow;
use std::fmt;

use crate::identifier::FileIdentifier;

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong. Each kind has its own stable [`ErrorKind::code`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An Apple Archive or its container is not well formed, or its checksum is wrong.
    Archive(Mismatch),
    /// A binary property list is not well formed.
    Plist(Mismatch),
    /// A record lacks a key, or a key has the wrong type or a value that cannot be.
    Schema(Mismatch),
    /// A Mach-O file is not well formed.
    MachO(Mismatch),
    /// A shared cache or its record does not fit together.
    Cache(Mismatch),
    /// A bound of [`crate::Limits`] would be exceeded.
    Limit {
        /// What is bounded, in words.
        what: &'static str,
        /// The bound.
        limit: u64,
        /// What the input asks for.
        requested: u64,
    },
    /// No provider had the file.
    MissingData(FileIdentifier),
    /// Nothing is mapped at the address.
    UnmappedAddress(u64),
    /// A call into Mach failed for another reason than a right that is missing or a task that is gone.
    Mach {
        /// The call, such as `mach_vm_read_overwrite`.
        call: &'static str,
        /// What it returned: [`kern_return_name`] says it in words.
        kern_return: i32,
    },
    /// The operating system does not let this process read that one.
    TaskAccess(TaskFailure),
    /// The process has ended, or there never was one of that number.
    TaskGone(TaskFailure),
    /// The process published anew whenever its snapshot was read.
    SnapshotTorn {
        /// How often it was tried.
        attempts: u32,
        /// What was wrong with the last copy, where it was more than that the process had published meanwhile.
        last: Option<Error>,
    },
    /// A watcher that cannot go on, in words.
    Watcher(Cow<'static, str>),
    /// What this operating system, or this process, has nothing to offer for, in words.
    UnsupportedPlatform(Cow<'static, str>),
    /// The operating system refused a file.
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}

impl ErrorKind {
    /// The stable number of the kind; never reused.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::Archive(_) => 1,
            Self::Plist(_) => 2,
            Self::Schema(_) => 3,
            Self::MachO(_) => 4,
            Self::Cache(_) => 5,
            Self::Limit { .. } => 6,
            Self::MissingData(_) => 7,
            Self::UnmappedAddress(_) => 8,
            Self::Mach { .. } => 9,
            Self::TaskAccess(_) => 10,
            Self::TaskGone(_) => 11,
            Self::SnapshotTorn { .. } => 12,
            Self::Watcher(_) => 13,
            Self::UnsupportedPlatform(_) => 14,
            Self::Io { .. } => 15,
        }
    }
}

/// What a reader wanted and what stood there.
#[derive(Debug)]
pub struct Mismatch {
    /// What would have been right.
    pub expected: Cow<'static, str>,
    /// What is there.
    pub found: Cow<'static, str>,
}

/// A call that was to reach another process, and did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// The call, such as `task_read_for_pid` or `process_vm_readv`.
    pub call: &'static str,
    /// The process, as far as it is known.
    pub pid: Option<u32>,
    /// What the operating system said.
    pub status: SystemStatus,
}

/// A number by which an operating system says what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemStatus {
    /// A `kern_return_t` or `mach_msg_return_t`.
    KernReturn(i32),
    /// An `errno`.
    Errno(i32),
}

impl fmt::Display for SystemStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::KernReturn(code) => write!(f, "{} ({code})", kern_return_name(code)),
            Self::Errno(code) => std::io::Error::from_raw_os_error(code).fmt(f),
        }
    }
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}: {}: {}", self.call, self.status),
            None => write!(f, "{}: {}", self.call, self.status),
        }
    }
}

/// The name of a `kern_return_t` of `<mach/kern_return.h>`, or of a `mach_msg_return_t` of `<mach/message.h>` that
/// reading tasks and waiting for messages can give; `unknown` for all others.
#[must_use]
pub const fn kern_return_name(code: i32) -> &'static str {
    match code {
        0 => "KERN_SUCCESS",
        1 => "KERN_INVALID_ADDRESS",
        2 => "KERN_PROTECTION_FAILURE",
        3 => "KERN_NO_SPACE",
        4 => "KERN_INVALID_ARGUMENT",
        5 => "KERN_FAILURE",
        6 => "KERN_RESOURCE_SHORTAGE",
        7 => "KERN_NOT_RECEIVER",
        8 => "KERN_NO_ACCESS",
        9 => "KERN_MEMORY_FAILURE",
        10 => "KERN_MEMORY_ERROR",
        13 => "KERN_NAME_EXISTS",
        14 => "KERN_ABORTED",
        15 => "KERN_INVALID_NAME",
        16 => "KERN_INVALID_TASK",
        17 => "KERN_INVALID_RIGHT",
        18 => "KERN_INVALID_VALUE",
        19 => "KERN_UREFS_OVERFLOW",
        20 => "KERN_INVALID_CAPABILITY",
        21 => "KERN_RIGHT_EXISTS",
        23 => "KERN_MEMORY_PRESENT",
        37 => "KERN_TERMINATED",
        46 => "KERN_NOT_SUPPORTED",
        49 => "KERN_OPERATION_TIMED_OUT",
        50 => "KERN_CODESIGN_ERROR",
        53 => "KERN_DENIED",
        0x1000_0002 => "MACH_SEND_INVALID_DATA",
        0x1000_0003 => "MACH_SEND_INVALID_DEST",
        0x1000_0004 => "MACH_SEND_TIMED_OUT",
        0x1000_0007 => "MACH_SEND_INTERRUPTED",
        0x1000_4001 => "MACH_RCV_IN_PROGRESS",
        0x1000_4002 => "MACH_RCV_INVALID_NAME",
        0x1000_4003 => "MACH_RCV_TIMED_OUT",
        0x1000_4004 => "MACH_RCV_TOO_LARGE",
        0x1000_4005 => "MACH_RCV_INTERRUPTED",
        0x1000_4006 => "MACH_RCV_PORT_CHANGED",
        0x1000_4009 => "MACH_RCV_PORT_DIED",
        _ => "unknown",
    }
}

/// Where: archive entry, then key path in its property list, then byte offset within the entry.
#[derive(Debug, Default, Clone)]
pub struct Location {
    /// The path of the archive entry.
    pub entry: Option<String>,
    /// The path of keys, as in `imgs[1207].segs[2].padr`.
    pub key_path: Option<String>,
    /// The offset in bytes within the entry, or within the whole input where there is no entry.
    pub offset: Option<u64>,
}

#[derive(Debug)]
struct Parts {
    kind: ErrorKind,
    at: Location,
    hint: Option<Cow<'static, str>>,
}

/// What is wrong, and where.
#[derive(Debug)]
pub struct Error(Box<Parts>);

impl Error {
    /// An error without a place yet.
    #[must_use]
    #[cold]
    pub fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Parts { kind, at: Location::default(), hint: None }))
    }

    /// An archive error at a byte offset.
    #[cold]
    pub fn archive(offset: usize, expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Archive(Mismatch { expected: expected.into(), found: found.into() })).at_offset(offset)
    }

    /// A property-list error at a byte offset.
    #[cold]
    pub fn plist(offset: usize, expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Plist(Mismatch { expected: expected.into(), found: found.into() })).at_offset(offset)
    }

    /// A schema error; the place is added by whoever knows it.
    #[cold]
    pub fn schema(expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Schema(Mismatch { expected: expected.into(), found: found.into() }))
    }

    /// A Mach-O error at a byte offset.
    #[cold]
    pub fn macho(offset: usize, expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::MachO(Mismatch { expected: expected.into(), found: found.into() })).at_offset(offset)
    }

    /// A shared-cache error.
    #[cold]
    pub fn cache(expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Cache(Mismatch { expected: expected.into(), found: found.into() }))
    }

    /// A bound that would be exceeded.
    #[cold]
    #[must_use]
    pub fn limit(what: &'static str, limit: u64, requested: u64) -> Self {
        Self::new(ErrorKind::Limit { what, limit, requested })
    }

    /// A call into Mach that failed.
    #[cold]
    #[must_use]
    pub fn mach(call: &'static str, kern_return: i32) -> Self {
        Self::new(ErrorKind::Mach { call, kern_return })
    }

    /// What this operating system, or this process, has nothing to offer for.
    #[cold]
    pub fn unsupported(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::UnsupportedPlatform(what.into()))
    }

    /// A watcher that cannot go on.
    #[cold]
    pub fn watcher(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Watcher(what.into()))
    }

    /// A file that the operating system refused.
    #[cold]
    pub fn io(path: impl Into<std::path::PathBuf>, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io { path: path.into(), source })
    }

    /// Adds the archive entry, unless a deeper layer named one.
    #[must_use]
    pub fn in_entry(mut self, entry: &str) -> Self {
        self.0.at.entry.get_or_insert_with(|| entry.to_owned());
        self
    }

    /// Adds the key path, unless a deeper layer named one.
    #[must_use]
    pub fn at_key(mut self, key_path: impl Into<String>) -> Self {
        self.0.at.key_path.get_or_insert_with(|| key_path.into());
        self
    }

    /// Adds the byte offset, unless a deeper layer named one.
    #[must_use]
    pub fn at_offset(mut self, offset: usize) -> Self {
        self.0.at.offset.get_or_insert(offset as u64);
        self
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.0.at
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.0.at;
        if let Some(entry) = &at.entry {
            write!(f, "{entry}: ")?;
        }
        if let Some(key_path) = &at.key_path {
            write!(f, "{key_path}: ")?;
        }
        match &self.0.kind {
            ErrorKind::Archive(m)
            | ErrorKind::Plist(m)
            | ErrorKind::Schema(m)
            | ErrorKind::MachO(m)
            | ErrorKind::Cache(m) => {
                write!(f, "expected {}, found {}", m.expected, m.found)?;
            }
            ErrorKind::Limit { what, limit, requested } => {
                write!(f, "{what}: the limit is {limit}, the input asks for {requested}")?;
            }
            ErrorKind::MissingData(identifier) => write!(f, "no provider has {identifier}")?,
            ErrorKind::UnmappedAddress(address) => write!(f, "nothing is mapped at {address:#x}")?,
            ErrorKind::Mach { call, kern_return } => {
                write!(f, "{call}: {}", SystemStatus::KernReturn(*kern_return))?;
            }
            ErrorKind::TaskAccess(failure) | ErrorKind::TaskGone(failure) => failure.fmt(f)?,
            ErrorKind::SnapshotTorn { attempts, last } => {
                write!(f, "none of {attempts} copies of what the process publishes was whole")?;
                match last {
                    Some(last) => write!(f, "; the last copy: {last}")?,
                    None => f.write_str(": it published anew each time")?,
                }
            }
            ErrorKind::Watcher(what) | ErrorKind::UnsupportedPlatform(what) => f.write_str(what)?,
            ErrorKind::Io { path, source } => write!(f, "{}: {source}", path.display())?,
        }
        if let Some(offset) = at.offset {
            write!(f, " at offset {offset:#x}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Io { source, .. } => Some(source),
            ErrorKind::SnapshotTorn { last: Some(last), .. } => Some(last),
            _ => None,
        }
    }
}
