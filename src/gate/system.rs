//! What the gate asks of the machine: the one clock that daemon, guard and trading engines share, the boot it counts
//! from, and the user we are.

#![allow(unsafe_code, reason = "the monotonic clock as a plain number, and the own user, are libc calls")]

/// `CLOCK_MONOTONIC` in nanoseconds. 20 to 40 ns a call; engines that hold a reading already use `check_at`.
#[inline]
pub fn now_mono() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec of our own, and the call writes nowhere else.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    if status == 0 {
        (now.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec as u64)
    } else {
        // No clock, no lease: the end of time is past every lease.
        u64::MAX
    }
}

/// The id of this boot, from the kernel; the error where /proc is not mounted.
pub fn boot_id() -> std::io::Result<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).map(u128::to_be_bytes).map_err(std::io::Error::other)
}

/// The effective user of this process.
pub(super) fn own_user() -> u32 {
    // SAFETY: takes nothing, touches no memory, cannot fail.
    unsafe { libc::geteuid() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back_and_a_boot_has_one_id() {
        let first = now_mono();
        assert!(first > 0 && now_mono() >= first);
        assert_eq!(boot_id().expect("linux"), boot_id().expect("linux"));
        assert_ne!(boot_id().expect("linux"), [0; 16]);
    }
}
