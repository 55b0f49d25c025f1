//! Whether the kernel's clock is kept right.

#![expect(unsafe_code, reason = "adjtimex is a call of the C library")]

use nix::libc;

/// Whether something keeps the clock right, by adjtimex(2); `None` where the kernel does not say.
#[must_use]
pub fn is_synchronised() -> Option<bool> {
    // SAFETY: every bit pattern of zeroes is a timex, and with no mode bit set nothing but it is written to.
    let state = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        libc::adjtimex(&raw mut timex)
    };
    match state {
        -1 => None,
        state => Some(state != libc::TIME_ERROR),
    }
}
