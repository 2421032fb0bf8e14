//! Functions that not every release of macOS has. A hard reference to one would keep the whole module from being loaded
//! there.

use std::ffi::{CStr, c_void};

use super::abi;

fn address(name: &CStr) -> *mut c_void {
    #[cfg(not(target_os = "macos"))]
    return super::tests::kernel::symbol(name);
    #[cfg(target_os = "macos")]
    // SAFETY: the name ends in NUL, and the handle stands for everything that this process has loaded.
    unsafe {
        libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr())
    }
}

macro_rules! late {
    ($($what:literal $function:ident: $symbol:ident,)*) => {
        $(#[doc = $what]
        pub fn $function() -> Option<abi::$symbol> {
            const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($symbol), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => c"",
            };
            // SAFETY: an address is null, and that is `None`; or it is that of the function of this name, whose type is
            // the one of the header, in libSystem, which is never unloaded. Pointers to functions and to data have one
            // size and form on every system that this is compiled for.
            unsafe { std::mem::transmute::<*mut c_void, Option<abi::$symbol>>(address(NAME)) }
        })*
    };
}

late! {
    "Gives a task port that reads." read_for_pid: task_read_for_pid,
    "Registers a port with a task." notify_register: task_dyld_process_info_notify_register,
    "Takes that back." notify_deregister: task_dyld_process_info_notify_deregister,
}
