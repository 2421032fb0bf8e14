//! Another process, by its task port.

use std::ffi::{OsString, c_int};
use std::io;
use std::mem::offset_of;
use std::os::unix::ffi::OsStringExt as _;

use super::abi::{self, mach_port_name_t};
use super::rights::{GuardedPort, SendRight, own_task};
use super::{MachFailure, Owner, check, late};

/// What a task port lets its owner do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskRights {
    /// Everything.
    Control,
    /// Everything but changing the task; so it cannot be suspended.
    Read,
}

/// A task port.
#[derive(Debug)]
pub struct TaskPort {
    /// `None` for this process itself, whose port is nobody's to give back.
    right: Option<SendRight>,
    rights: TaskRights,
    owner: Owner,
}

/// A range of mapped memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VmRegion {
    /// Where it begins.
    pub address: u64,
    /// In bytes.
    pub size: u64,
    /// 1 read, 2 write, 4 execute.
    pub protection: u32,
}

impl TaskPort {
    /// The port of process `pid`: to control it where that is allowed, else to read it.
    ///
    /// # Errors
    /// What the kernel says of the lesser right that was asked for.
    pub fn of_process(pid: u32) -> Result<Self, MachFailure> {
        let owner = Owner::this();
        if owner == Owner(pid) {
            return Ok(Self { right: None, rights: TaskRights::Control, owner });
        }
        let number = i32::try_from(pid).unwrap_or(-1);
        let mut name = abi::MACH_PORT_NULL;
        // SAFETY: `name` is a value of this frame; all else are numbers.
        let status = unsafe { abi::task_for_pid(own_task(), number, &raw mut name) };
        let (failure, rights) = match check("task_for_pid", status) {
            Ok(()) => (None, TaskRights::Control),
            Err(failure) => (Some(failure), TaskRights::Read),
        };
        if let Some(failure) = failure {
            let read_for_pid = late::read_for_pid().ok_or(failure)?;
            // SAFETY: as above; the function is the system's of this name.
            let status = unsafe { read_for_pid(own_task(), number, &raw mut name) };
            check("task_read_for_pid", status)?;
        }
        Ok(Self { right: Some(SendRight::new(name)), rights, owner })
    }

    fn name(&self) -> mach_port_name_t {
        self.right.as_ref().map_or_else(own_task, SendRight::name)
    }

    /// Whether this is still the process that has the port: a forked child does not.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.owner.is_here()
    }

    /// What the port is good for.
    #[must_use]
    pub const fn rights(&self) -> TaskRights {
        self.rights
    }

    /// Whether the task is gone. A port does not come to mean another process, as a number does.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let mut pid = 0;
        // SAFETY: `pid` is a value of this frame.
        unsafe { abi::pid_for_task(self.name(), &raw mut pid) != abi::KERN_SUCCESS }
    }

    /// `TASK_DYLD_INFO`: address, size and format of `dyld_all_image_infos`.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn dyld_info(&self) -> Result<(u64, u64, i32), MachFailure> {
        // A kernel that writes less than all leaves a format that there is not.
        let mut info =
            abi::task_dyld_info_data_t { all_image_info_addr: 0, all_image_info_size: 0, all_image_info_format: -1 };
        let mut count = abi::TASK_DYLD_INFO_COUNT;
        // SAFETY: `info` is that structure, of `count` words, and of no greater alignment than the words it is asked
        // for by; both it and `count` are values of this frame.
        let status =
            unsafe { abi::task_info(self.name(), abi::TASK_DYLD_INFO, (&raw mut info).cast(), &raw mut count) };
        check("task_info", status)?;
        Ok((info.all_image_info_addr, info.all_image_info_size, info.all_image_info_format))
    }

    /// Copies memory of the task from `address` on to all of `buffer`, and says how many bytes that were.
    ///
    /// # Errors
    /// What the kernel says; where any of it is not there, nothing is copied.
    pub fn read(&self, address: u64, buffer: &mut [u8]) -> Result<usize, MachFailure> {
        let size = buffer.len() as u64;
        let mut count = 0;
        // SAFETY: the kernel writes at most `size` bytes from the start of `buffer` on, which has as many and is ours
        // to write; `count` is a value of this frame. The address in the task is looked up by the kernel, in this
        // process as in any other.
        let status = unsafe {
            abi::mach_vm_read_overwrite(self.name(), address, size, buffer.as_mut_ptr() as u64, &raw mut count)
        };
        check("mach_vm_read_overwrite", status)?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX).min(buffer.len()))
    }

    /// The region that holds `address`, or else the next one; `None` where there is none.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn region_from(&self, address: u64) -> Result<Option<VmRegion>, MachFailure> {
        let (mut start, mut size) = (address, 0);
        let mut info = abi::vm_region_basic_info_data_64_t::default();
        let mut count = abi::VM_REGION_BASIC_INFO_COUNT_64;
        let mut object = abi::MACH_PORT_NULL;
        // SAFETY: `info` is the structure of this flavor, of `count` words, and of no greater alignment than they have;
        // it and all others that are written are values of this frame.
        let status = unsafe {
            abi::mach_vm_region(
                self.name(),
                &raw mut start,
                &raw mut size,
                abi::VM_REGION_BASIC_INFO_64,
                (&raw mut info).cast(),
                &raw mut count,
                &raw mut object,
            )
        };
        if status == abi::KERN_INVALID_ADDRESS {
            return Ok(None);
        }
        check("mach_vm_region", status)?;
        if object != abi::MACH_PORT_NULL {
            // Kernels of today give none.
            drop(SendRight::new(object));
        }
        Ok(Some(VmRegion { address: start, size, protection: info.protection.cast_unsigned() }))
    }

    /// Stops all threads of the task until [`Self::resume`]. The kernel counts.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn suspend(&self) -> Result<(), MachFailure> {
        // SAFETY: a number goes in and one comes out.
        check("task_suspend", unsafe { abi::task_suspend(self.name()) })
    }

    /// Undoes one [`Self::suspend`].
    ///
    /// # Errors
    /// What the kernel says.
    pub fn resume(&self) -> Result<(), MachFailure> {
        // SAFETY: a number goes in and one comes out.
        check("task_resume", unsafe { abi::task_resume(self.name()) })
    }

    /// Has the task's dyld send its messages to `port`, and gives the way to end that.
    ///
    /// That way is found before anything is registered. Whoever is registered must ask the dyld of this process for
    /// nothing: while that loads something it holds the lock that a look-up takes, and waits for replies of those who
    /// are registered.
    ///
    /// # Errors
    /// What the kernel says; `KERN_NOT_SUPPORTED` before macOS 11.3.
    pub fn register(&self, port: &GuardedPort) -> Result<Deregister, MachFailure> {
        const CALL: &str = "task_dyld_process_info_notify_register";
        let (Some(register), Some(deregister)) = (late::notify_register(), late::notify_deregister()) else {
            return Err(MachFailure { call: CALL, kern_return: abi::KERN_NOT_SUPPORTED });
        };
        // SAFETY: numbers only; the function is the system's of this name. The send right that the kernel keeps is made
        // of the receive right, which stays.
        check(CALL, unsafe { register(self.name(), port.name()) })?;
        Ok(Deregister(deregister))
    }

    /// Ends that.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn deregister(&self, port: &GuardedPort, Deregister(deregister): Deregister) -> Result<(), MachFailure> {
        // SAFETY: as above.
        check("task_dyld_process_info_notify_deregister", unsafe { deregister(self.name(), port.name()) })
    }
}

/// The way to end a registration.
#[derive(Clone, Copy, Debug)]
pub struct Deregister(abi::task_dyld_process_info_notify_deregister);

/// What `proc_pidinfo` tells of process `pid`: all of `words`.
fn process_info(pid: u32, flavor: c_int, argument: u64, words: &mut [u64]) -> io::Result<()> {
    let pid = i32::try_from(pid).map_err(|_| io::Error::from_raw_os_error(abi::ESRCH))?;
    let size = i32::try_from(size_of_val(words)).unwrap_or(i32::MAX);
    // SAFETY: `words` has at least as many bytes as the call is told, and is ours to write; any bytes are words.
    match unsafe { abi::proc_pidinfo(pid, flavor, argument, words.as_mut_ptr().cast(), size) } {
        written if written == size => Ok(()),
        // Releases of the library differ in how they say that they failed.
        ..=0 => Err(io::Error::last_os_error()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Whether there is a process of this number, readable or not. One that has ended, and whose parent has not asked for
/// it, is none: the kernel looks for these only where the argument says so.
#[must_use]
pub fn is_running(pid: u32) -> bool {
    let mut words = [0; abi::PROC_PIDT_SHORTBSDINFO_SIZE / 8];
    let told = process_info(pid, abi::PROC_PIDT_SHORTBSDINFO, 0, &mut words);
    told.map_or_else(|error| error.raw_os_error() != Some(abi::ESRCH), |()| true)
}

/// The file that is mapped at `address` in process `pid`, as the kernel names it.
#[must_use]
pub fn region_file_name(pid: u32, address: u64) -> Option<OsString> {
    const PATH: usize = offset_of!(abi::proc_regionwithpathinfo, prp_vip) + offset_of!(abi::vnode_info_path, vip_path);
    let mut words = [0; abi::PROC_PIDREGIONPATHINFO_SIZE / 8];
    process_info(pid, abi::PROC_PIDREGIONPATHINFO, address, &mut words).ok()?;
    let bytes = words.iter().flat_map(|word| word.to_ne_bytes()).skip(PATH);
    let path: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
    (!path.is_empty()).then(|| OsString::from_vec(path))
}
