//! The part of `<mach/mach.h>`, `<mach/mach_vm.h>`, `<libproc.h>` and `<sys/proc_info.h>` that is used here, by the
//! names that it has there.
//!
//! `scripts/check-macos` reads this file: it compares every type, constant, layout and function with the headers of the
//! SDK. So each stands on its own line, and numbers are plain.
#![allow(non_camel_case_types, reason = "the names of the headers")]

use std::ffi::{c_int, c_void};
use std::mem::{offset_of, size_of};

pub type kern_return_t = i32;
pub type mach_msg_return_t = i32;
pub type integer_t = i32;
pub type mach_port_t = u32;
pub type mach_port_name_t = u32;
pub type mach_port_right_t = u32;
pub type mach_port_delta_t = i32;
pub type mach_port_mscount_t = u32;
pub type mach_port_context_t = u64;
pub type mach_msg_type_name_t = u32;
pub type mach_msg_type_number_t = u32;
pub type mach_msg_bits_t = u32;
pub type mach_msg_size_t = u32;
pub type mach_msg_id_t = i32;
pub type mach_msg_option_t = i32;
pub type mach_msg_timeout_t = u32;
pub type ipc_space_t = u32;
pub type task_t = u32;
pub type task_read_t = u32;
pub type task_name_t = u32;
pub type vm_map_read_t = u32;
pub type task_flavor_t = u32;
pub type vm_region_flavor_t = i32;
pub type mach_vm_address_t = u64;
pub type mach_vm_size_t = u64;

pub const KERN_SUCCESS: kern_return_t = 0;
pub const KERN_INVALID_ADDRESS: kern_return_t = 1;
pub const KERN_PROTECTION_FAILURE: kern_return_t = 2;
pub const KERN_INVALID_ARGUMENT: kern_return_t = 4;
pub const KERN_FAILURE: kern_return_t = 5;
pub const KERN_NO_ACCESS: kern_return_t = 8;
pub const KERN_MEMORY_FAILURE: kern_return_t = 9;
pub const KERN_MEMORY_ERROR: kern_return_t = 10;
pub const KERN_INVALID_TASK: kern_return_t = 16;
pub const KERN_TERMINATED: kern_return_t = 37;
pub const KERN_NOT_SUPPORTED: kern_return_t = 46;
pub const KERN_DENIED: kern_return_t = 53;
pub const MACH_RCV_INTERRUPTED: mach_msg_return_t = 0x10004005;
pub const MACH_SEND_INVALID_DATA: mach_msg_return_t = 0x10000002;
pub const MACH_SEND_INVALID_DEST: mach_msg_return_t = 0x10000003;
pub const MACH_MSGH_BITS_COMPLEX: mach_msg_bits_t = 0x80000000;
pub const MACH_SEND_TIMED_OUT: mach_msg_return_t = 0x10000004;
pub const MACH_PORT_NULL: mach_port_name_t = 0;
pub const MACH_PORT_RIGHT_PORT_SET: mach_port_right_t = 3;
pub const MPO_CONTEXT_AS_GUARD: u32 = 0x01;
pub const MPO_IMPORTANCE_RECEIVER: u32 = 0x08;
pub const MPO_STRICT: u32 = 0x20;
pub const MACH_PORT_QLIMIT_DEFAULT: u32 = 5;
/// The id of the message by which the kernel says that nobody can send to a port any more.
pub const MACH_NOTIFY_NO_SENDERS: mach_msg_id_t = 70;
pub const MACH_MSG_TYPE_MAKE_SEND: mach_msg_type_name_t = 20;
pub const MACH_MSG_TYPE_MAKE_SEND_ONCE: mach_msg_type_name_t = 21;
pub const MACH_SEND_MSG: mach_msg_option_t = 0x1;
pub const MACH_RCV_MSG: mach_msg_option_t = 0x2;
pub const MACH_SEND_TIMEOUT: mach_msg_option_t = 0x10;
pub const MACH_RCV_TRAILER_AUDIT: mach_msg_option_t = 3;
pub const MACH_MSG_TIMEOUT_NONE: mach_msg_timeout_t = 0;
pub const MAX_TRAILER_SIZE: usize = 68;
pub const TASK_DYLD_INFO: task_flavor_t = 17;
pub const TASK_DYLD_INFO_COUNT: mach_msg_type_number_t = 5;
pub const VM_REGION_BASIC_INFO_64: vm_region_flavor_t = 9;
pub const VM_REGION_BASIC_INFO_COUNT_64: mach_msg_type_number_t = 9;
pub const PROC_PIDREGIONPATHINFO: c_int = 8;
pub const PROC_PIDREGIONPATHINFO_SIZE: usize = 1272;
pub const PROC_PIDT_SHORTBSDINFO: c_int = 13;
pub const PROC_PIDT_SHORTBSDINFO_SIZE: usize = 64;
pub const ESRCH: c_int = 3;

#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct mach_msg_header_t {
    pub msgh_bits: mach_msg_bits_t,
    pub msgh_size: mach_msg_size_t,
    pub msgh_remote_port: mach_port_t,
    pub msgh_local_port: mach_port_t,
    pub msgh_voucher_port: mach_port_name_t,
    pub msgh_id: mach_msg_id_t,
}

/// With `security_token_t` and `audit_token_t` as the arrays that they are.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct mach_msg_audit_trailer_t {
    pub msgh_trailer_type: u32,
    pub msgh_trailer_size: u32,
    pub msgh_seqno: u32,
    pub msgh_sender: [u32; 2],
    pub msgh_audit: [u32; 8],
}

/// With the union at its end, which is not used, as an array.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct mach_port_options_t {
    pub flags: u32,
    pub mpl: u32,
    pub reserved: [u64; 2],
}

#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub struct task_dyld_info_data_t {
    pub all_image_info_addr: mach_vm_address_t,
    pub all_image_info_size: mach_vm_size_t,
    pub all_image_info_format: integer_t,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(C, packed(4))]
pub struct vm_region_basic_info_data_64_t {
    pub protection: i32,
    pub max_protection: i32,
    pub inheritance: u32,
    pub shared: u32,
    pub reserved: u32,
    pub offset: u64,
    pub behavior: i32,
    pub user_wired_count: u16,
}

/// With what is known of the file, of which nothing is used but the path, as words.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vnode_info_path {
    pub vip_vi: [u64; 19],
    pub vip_path: [u8; 1024],
}

/// With what is known of the region, of which nothing is used, as words.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct proc_regionwithpathinfo {
    pub prp_prinfo: [u64; 12],
    pub prp_vip: vnode_info_path,
}

/// States sizes and offsets; the compiler proves them.
macro_rules! layouts {
    ($($name:ident: $size:literal { $($field:ident: $offset:literal,)* })*) => {
        $(const _: () = {
            assert!(size_of::<$name>() == $size);
            $(assert!(offset_of!($name, $field) == $offset);)*
        };)*
    };
}

layouts! {
    mach_msg_header_t: 24 {
        msgh_bits: 0,
        msgh_size: 4,
        msgh_remote_port: 8,
        msgh_local_port: 12,
        msgh_voucher_port: 16,
        msgh_id: 20,
    }
    mach_msg_audit_trailer_t: 52 {
        msgh_trailer_type: 0,
        msgh_trailer_size: 4,
        msgh_seqno: 8,
        msgh_sender: 12,
        msgh_audit: 20,
    }
    mach_port_options_t: 24 {
        flags: 0,
        mpl: 4,
        reserved: 8,
    }
    task_dyld_info_data_t: 20 {
        all_image_info_addr: 0,
        all_image_info_size: 8,
        all_image_info_format: 16,
    }
    vm_region_basic_info_data_64_t: 36 {
        protection: 0,
        max_protection: 4,
        inheritance: 8,
        shared: 12,
        reserved: 16,
        offset: 20,
        behavior: 28,
        user_wired_count: 32,
    }
    vnode_info_path: 1176 {
        vip_vi: 0,
        vip_path: 152,
    }
    proc_regionwithpathinfo: 1272 {
        prp_prinfo: 0,
        prp_vip: 96,
    }
}

const _: () = assert!(size_of::<task_dyld_info_data_t>() == 4 * TASK_DYLD_INFO_COUNT as usize);
const _: () = assert!(size_of::<vm_region_basic_info_data_64_t>() == 4 * VM_REGION_BASIC_INFO_COUNT_64 as usize);
const _: () = assert!(size_of::<proc_regionwithpathinfo>() == PROC_PIDREGIONPATHINFO_SIZE);

#[rustfmt::skip]
unsafe extern "C" {
    /// The name of this task's own port. The system library writes it at the start, and again in a forked child.
    pub static mut mach_task_self_: mach_port_t;

    pub fn task_for_pid(target: mach_port_name_t, pid: c_int, task: *mut mach_port_name_t) -> kern_return_t;
    pub fn pid_for_task(task: mach_port_name_t, pid: *mut c_int) -> kern_return_t;
    pub fn task_info(task: task_name_t, flavor: task_flavor_t, info: *mut integer_t, count: *mut mach_msg_type_number_t) -> kern_return_t;
    pub fn task_suspend(task: task_t) -> kern_return_t;
    pub fn task_resume(task: task_t) -> kern_return_t;
    pub fn mach_vm_read_overwrite(task: vm_map_read_t, address: mach_vm_address_t, size: mach_vm_size_t, data: mach_vm_address_t, count: *mut mach_vm_size_t) -> kern_return_t;
    pub fn mach_vm_region(task: vm_map_read_t, address: *mut mach_vm_address_t, size: *mut mach_vm_size_t, flavor: vm_region_flavor_t, info: *mut integer_t, count: *mut mach_msg_type_number_t, object: *mut mach_port_t) -> kern_return_t;
    pub fn mach_port_construct(space: ipc_space_t, options: *mut mach_port_options_t, context: mach_port_context_t, name: *mut mach_port_name_t) -> kern_return_t;
    pub fn mach_port_destruct(space: ipc_space_t, name: mach_port_name_t, sends: mach_port_delta_t, guard: mach_port_context_t) -> kern_return_t;
    pub fn mach_port_allocate(space: ipc_space_t, right: mach_port_right_t, name: *mut mach_port_name_t) -> kern_return_t;
    pub fn mach_port_insert_member(space: ipc_space_t, name: mach_port_name_t, set: mach_port_name_t) -> kern_return_t;
    pub fn mach_port_mod_refs(space: ipc_space_t, name: mach_port_name_t, right: mach_port_right_t, delta: mach_port_delta_t) -> kern_return_t;
    pub fn mach_port_deallocate(space: ipc_space_t, name: mach_port_name_t) -> kern_return_t;
    pub fn mach_port_request_notification(space: ipc_space_t, name: mach_port_name_t, id: mach_msg_id_t, sync: mach_port_mscount_t, notify: mach_port_t, kind: mach_msg_type_name_t, previous: *mut mach_port_t) -> kern_return_t;
    pub fn mach_msg(message: *mut mach_msg_header_t, option: mach_msg_option_t, send: mach_msg_size_t, receive: mach_msg_size_t, from: mach_port_name_t, timeout: mach_msg_timeout_t, notify: mach_port_name_t) -> mach_msg_return_t;
    pub fn mach_msg_destroy(message: *mut mach_msg_header_t);
    pub fn proc_pidinfo(pid: c_int, flavor: c_int, argument: u64, buffer: *mut c_void, size: c_int) -> c_int;
}

/// Functions that came with macOS 11.3 or so: they are looked up when they are wanted, so that nothing refuses to load
/// without.
pub type task_read_for_pid = unsafe extern "C" fn(mach_port_name_t, c_int, *mut mach_port_name_t) -> kern_return_t;
pub type task_dyld_process_info_notify_register = unsafe extern "C" fn(task_read_t, mach_port_t) -> kern_return_t;
pub type task_dyld_process_info_notify_deregister =
    unsafe extern "C" fn(task_read_t, mach_port_name_t) -> kern_return_t;
