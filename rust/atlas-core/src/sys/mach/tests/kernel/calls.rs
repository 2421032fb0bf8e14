//! The system calls, by the names and types that `abi` declares.
//!
//! Pointers become values here, and nowhere else in this kernel.

use std::ffi::{CStr, c_int, c_void};

use super::messages::SEND_INVALID_DEST;
use super::state::{KERN_INVALID_ARGUMENT, KERN_INVALID_RIGHT, KERN_SUCCESS};
use super::{OWN_TASK, at_once, lock, wait_for};
use crate::sys::mach::abi::{
    mach_msg_header_t, mach_port_options_t, task_dyld_info_data_t, vm_region_basic_info_data_64_t,
};

const KERN_INVALID_ADDRESS: i32 = 1;
const KERN_PROTECTION_FAILURE: i32 = 2;
const KERN_FAILURE: i32 = 5;
const RCV_TIMED_OUT: i32 = 0x1000_4003;

#[unsafe(no_mangle)]
static mut mach_task_self_: u32 = OWN_TASK;

/// Writes through a pointer of a caller.
fn put<T>(place: *mut T, value: T) {
    // SAFETY: the callers are those of `sys::mach`, which give pointers to values of theirs; structures that stand less
    // aligned than their type are written as such.
    unsafe { place.write_unaligned(value) }
}

/// Reads through one.
fn get<T: Copy>(place: *const T) -> T {
    // SAFETY: as above.
    unsafe { place.read_unaligned() }
}

fn status(result: Result<(), i32>) -> i32 {
    result.err().unwrap_or(KERN_SUCCESS)
}

fn for_pid(call: &'static str, own: u32, pid: c_int, task: *mut u32, control: bool) -> i32 {
    assert_eq!(own, OWN_TASK);
    let found = at_once(|state| {
        state.enter(call)?;
        state.task_for_pid(pid.cast_unsigned(), control).ok_or(KERN_FAILURE)
    });
    found.map_or_else(
        |status| status,
        |name| {
            put(task, name);
            KERN_SUCCESS
        },
    )
}

#[unsafe(no_mangle)]
extern "C" fn task_for_pid(own: u32, pid: c_int, task: *mut u32) -> i32 {
    for_pid("task_for_pid", own, pid, task, true)
}

extern "C" fn task_read_for_pid(own: u32, pid: c_int, task: *mut u32) -> i32 {
    for_pid("task_read_for_pid", own, pid, task, false)
}

#[unsafe(no_mangle)]
extern "C" fn pid_for_task(task: u32, pid: *mut c_int) -> i32 {
    status(at_once(|state| {
        state.enter("pid_for_task")?;
        if task != OWN_TASK {
            state.task(task).map_err(|_| KERN_FAILURE)?;
        }
        put(pid, 1);
        Ok(())
    }))
}

#[unsafe(no_mangle)]
extern "C" fn task_info(task: u32, flavor: u32, info: *mut i32, count: *mut u32) -> i32 {
    status(at_once(|state| {
        state.enter("task_info")?;
        if flavor != 17 || get(count) < 5 {
            return Err(KERN_INVALID_ARGUMENT);
        }
        let (address, size, format) = if task == OWN_TASK { (0x1000, 368, 1) } else { state.task(task)?.0.dyld_info };
        put(
            info.cast(),
            task_dyld_info_data_t {
                all_image_info_addr: address,
                all_image_info_size: size,
                all_image_info_format: format,
            },
        );
        put(count, 5);
        Ok(())
    }))
}

fn count_suspended(call: &'static str, task: u32, step: i32) -> i32 {
    status(at_once(|state| {
        state.enter(call)?;
        let (process, control) = state.task(task)?;
        if !control {
            return Err(KERN_INVALID_ARGUMENT);
        }
        process.suspended = process.suspended.checked_add_signed(step).ok_or(KERN_FAILURE)?;
        Ok(())
    }))
}

#[unsafe(no_mangle)]
extern "C" fn task_suspend(task: u32) -> i32 {
    count_suspended("task_suspend", task, 1)
}

#[unsafe(no_mangle)]
extern "C" fn task_resume(task: u32) -> i32 {
    count_suspended("task_resume", task, -1)
}

#[unsafe(no_mangle)]
extern "C" fn mach_vm_read_overwrite(task: u32, address: u64, size: u64, data: u64, count: *mut u64) -> i32 {
    let copied = at_once(|state| {
        state.enter("mach_vm_read_overwrite")?;
        if address >> 56 != 0 || size == 0 {
            return Err(KERN_INVALID_ADDRESS);
        }
        let (process, _) = state.task(task)?;
        let mut bytes = Vec::new();
        let end = address.checked_add(size).ok_or(KERN_INVALID_ADDRESS)?;
        let mut next = address;
        while next < end {
            let (start, piece) = process.memory.range(..=next).next_back().ok_or(KERN_INVALID_ADDRESS)?;
            let rest = piece.bytes.get((next - start) as usize..).filter(|rest| !rest.is_empty());
            let rest = rest.ok_or(KERN_INVALID_ADDRESS)?;
            if piece.protection & 1 == 0 {
                return Err(KERN_PROTECTION_FAILURE);
            }
            let part = &rest[..rest.len().min((end - next) as usize)];
            bytes.extend(part);
            next += part.len() as u64;
        }
        Ok(bytes)
    });
    match copied {
        Ok(bytes) => {
            let place: *mut u8 = std::ptr::with_exposed_provenance_mut(data as usize);
            // SAFETY: the caller has `size` bytes there, and no more were copied; `bytes` is memory of its own.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
            put(count, bytes.len() as u64);
            KERN_SUCCESS
        }
        Err(status) => status,
    }
}

#[unsafe(no_mangle)]
extern "C" fn mach_vm_region(
    task: u32,
    address: *mut u64,
    size: *mut u64,
    flavor: i32,
    info: *mut i32,
    count: *mut u32,
    object: *mut u32,
) -> i32 {
    status(at_once(|state| {
        state.enter("mach_vm_region")?;
        if flavor != 9 || get(count) < 9 {
            return Err(KERN_INVALID_ARGUMENT);
        }
        let (process, _) = state.task(task)?;
        let wanted = get(address);
        let mut pieces = process.memory.iter();
        let holds = |(start, piece): &(&u64, &super::processes::Piece)| **start + piece.bytes.len() as u64 > wanted;
        let (start, piece) = pieces.find(holds).ok_or(KERN_INVALID_ADDRESS)?;
        put(address, *start);
        put(size, piece.bytes.len() as u64);
        put(info.cast(), vm_region_basic_info_data_64_t { protection: piece.protection, ..Default::default() });
        put(object, 0);
        Ok(())
    }))
}

/// What `proc_pidinfo` tells.
fn process_info(pid: u32, flavor: c_int, argument: u64) -> Result<Vec<u8>, c_int> {
    const ESRCH: c_int = 3;
    const EINVAL: c_int = 22;
    at_once(|state| {
        let _ = state.enter("proc_pidinfo");
        if pid == std::process::id() && flavor == 13 {
            return Ok(vec![0; 64]);
        }
        // Those that have ended are looked for only where the argument says so, which nobody here does.
        let process = state.processes.get(&pid).filter(|process| !process.has_ended).ok_or(ESRCH)?;
        if flavor == 13 {
            assert_eq!(argument, 0);
            return Ok(vec![0; 64]);
        }
        assert_eq!(flavor, 8);
        let (start, piece) = process.memory.range(..=argument).next_back().ok_or(EINVAL)?;
        if argument >= start + piece.bytes.len() as u64 {
            return Err(EINVAL);
        }
        let mut told = vec![0; 1272];
        let path = piece.path.as_deref().unwrap_or_default();
        told[248..][..path.len()].copy_from_slice(path.as_bytes());
        Ok(told)
    })
}

#[unsafe(no_mangle)]
extern "C" fn proc_pidinfo(pid: c_int, flavor: c_int, argument: u64, buffer: *mut c_void, size: c_int) -> c_int {
    // What a failed call leaves there is anything.
    let told = process_info(pid.cast_unsigned(), flavor, argument);
    let bytes = told.as_ref().map_or_else(|_| vec![b'?'; size as usize], Vec::clone);
    assert_eq!(bytes.len(), size as usize);
    // SAFETY: the caller has `size` bytes there, and these are as many.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast(), bytes.len()) };
    match told {
        Ok(_) => size,
        Err(number) => {
            // SAFETY: it takes nothing, and gives the place where this thread keeps its number.
            put(unsafe { libc::__errno_location() }, number);
            0
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn mach_port_construct(own: u32, options: *mut mach_port_options_t, guard: u64, name: *mut u32) -> i32 {
    assert_eq!(own, OWN_TASK);
    let options = get(options);
    // Guarded by the context, strictly, and passing importance on: what dyld's own reader asks for.
    assert_eq!(options.flags, 0x29);
    status(at_once(|state| {
        state.enter("mach_port_construct")?;
        put(name, state.new_receiver(guard, options.mpl as usize));
        Ok(())
    }))
}

#[unsafe(no_mangle)]
extern "C" fn mach_port_destruct(own: u32, name: u32, sends: i32, guard: u64) -> i32 {
    assert_eq!((own, sends), (OWN_TASK, 0));
    at_once(|state| state.enter("mach_port_destruct").err().unwrap_or_else(|| state.destruct(name, guard)))
}

#[unsafe(no_mangle)]
extern "C" fn mach_port_allocate(own: u32, right: u32, name: *mut u32) -> i32 {
    assert_eq!((own, right), (OWN_TASK, 3));
    status(at_once(|state| {
        state.enter("mach_port_allocate")?;
        put(name, state.new_set());
        Ok(())
    }))
}

#[unsafe(no_mangle)]
extern "C" fn mach_port_insert_member(own: u32, name: u32, set: u32) -> i32 {
    assert_eq!(own, OWN_TASK);
    status(at_once(|state| {
        state.enter("mach_port_insert_member")?;
        state.insert_member(name, set)
    }))
}

#[unsafe(no_mangle)]
extern "C" fn mach_port_mod_refs(own: u32, name: u32, right: u32, delta: i32) -> i32 {
    assert_eq!((own, right, delta), (OWN_TASK, 3, -1));
    at_once(|state| state.enter("mach_port_mod_refs").err().unwrap_or_else(|| state.destroy_set(name)))
}

#[unsafe(no_mangle)]
extern "C" fn mach_port_deallocate(own: u32, name: u32) -> i32 {
    assert_eq!(own, OWN_TASK);
    at_once(|state| {
        let status = state.enter("mach_port_deallocate").err().unwrap_or_else(|| state.deallocate(name));
        state.misuses.extend((status != KERN_SUCCESS).then(|| format!("{name:#x} deallocated: {status}")));
        status
    })
}

#[unsafe(no_mangle)]
extern "C" fn mach_port_request_notification(
    own: u32,
    name: u32,
    id: i32,
    sync: u32,
    notify: u32,
    kind: u32,
    previous: *mut u32,
) -> i32 {
    assert_eq!((own, id, kind), (OWN_TASK, 70, 21));
    status(at_once(|state| {
        state.enter("mach_port_request_notification")?;
        put(previous, 0);
        state.request_no_senders(name, sync, notify)
    }))
}

#[unsafe(no_mangle)]
extern "C" fn mach_msg(
    message: *mut mach_msg_header_t,
    option: i32,
    send: u32,
    receive: u32,
    from: u32,
    timeout: u32,
    _notify: u32,
) -> i32 {
    const SEND: i32 = 1;
    const SEND_TIMEOUT: i32 = 0x10;
    assert_eq!(timeout, 0);
    if option & SEND != 0 {
        // Nobody may be made to wait by what he was sent.
        assert_eq!((option, send), (SEND | SEND_TIMEOUT, 24));
        return at_once(|state| {
            let mut header: [u32; 6] = get(message.cast());
            let status = state.enter("mach_msg (send)").err().unwrap_or_else(|| state.send(&mut header));
            put(message.cast(), header);
            status
        });
    }
    assert_eq!(option & 0xff, 2);
    let audit = option >> 24 & 0xf >= 3;
    if let Err(status) = lock().enter("mach_msg (receive)") {
        return status;
    }
    let found = wait_for(|state| match state.next_message(from) {
        Ok(None) => None,
        Ok(Some((port, mail))) => Some(state.copy_out(port, mail, audit, receive as usize)),
        Err(status) => Some(Err(status)),
    });
    match found {
        Some(Ok(bytes)) => {
            // SAFETY: the caller has `receive` bytes there, and `copy_out` gives no more.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), message.cast(), bytes.len()) };
            KERN_SUCCESS
        }
        Some(Err(status)) => status,
        None => RCV_TIMED_OUT,
    }
}

#[unsafe(no_mangle)]
extern "C" fn mach_msg_destroy(message: *mut mach_msg_header_t) {
    let header: [u32; 6] = get(message.cast());
    let words = header[1] as usize / 4;
    // SAFETY: the message is whole, as the caller has received it: it has the size that its header says.
    let words = unsafe { std::slice::from_raw_parts(message.cast::<u32>(), words.max(6)) };
    at_once(|state| {
        let _ = state.enter("mach_msg_destroy");
        state.destroy(words);
    });
}

extern "C" fn task_dyld_process_info_notify_register(task: u32, port: u32) -> i32 {
    status(at_once(|state| {
        state.enter("task_dyld_process_info_notify_register")?;
        let id = state.receiver(port).map_err(|_| KERN_INVALID_RIGHT)?;
        state.task(task)?.0.watchers.push(id);
        let found = state.ports.get_mut(&id).ok_or(SEND_INVALID_DEST)?;
        found.senders += 1;
        found.made += 1;
        Ok(())
    }))
}

extern "C" fn task_dyld_process_info_notify_deregister(task: u32, port: u32) -> i32 {
    status(at_once(|state| {
        state.enter("task_dyld_process_info_notify_deregister")?;
        let id = state.receiver(port).map_err(|_| KERN_INVALID_RIGHT)?;
        let watchers = &mut state.task(task)?.0.watchers;
        let place = watchers.iter().position(|watcher| *watcher == id).ok_or(KERN_FAILURE)?;
        watchers.remove(place);
        state.lose_send(id);
        Ok(())
    }))
}

/// What came late, by name.
pub(super) fn late(name: &CStr) -> *mut c_void {
    match name.to_bytes() {
        b"task_read_for_pid" => task_read_for_pid as *mut c_void,
        b"task_dyld_process_info_notify_register" => task_dyld_process_info_notify_register as *mut c_void,
        b"task_dyld_process_info_notify_deregister" => task_dyld_process_info_notify_deregister as *mut c_void,
        _ => std::ptr::null_mut(),
    }
}
