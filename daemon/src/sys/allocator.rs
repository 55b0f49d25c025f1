//! How memory is given back.

use nix::libc;

/// The smallest buffer that is given back to the kernel when it is freed, in bytes.
const LARGE: libc::c_int = 128 << 10;

/// Has every large buffer given back to the kernel as soon as it is freed. Left to itself glibc keeps those that have
/// been freed once in its heaps, one for every few threads, where they are scattered: transfers by many connections had
/// twice as much resident as they used. It costs a few system calls a megabyte.
#[expect(unsafe_code, reason = "no crate here wraps mallopt(3)")]
pub fn give_back_large_buffers() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it sets a number, under the allocator's own lock; who allocates meanwhile goes by the old one or the new.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}
