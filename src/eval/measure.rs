//! What a page costs: processor time and memory, from Linux's own books.
//!
//! A page worker outlives its pages, so its processor time is read from `/proc/<pid>/stat` before and after a page, in
//! ticks of 10 ms, all its threads together. Its peak memory (`VmHWM`) is set back before each page where the kernel
//! allows it. A command that makes one PDF and ends is measured by `wait4`: it and the children it waited for.

use std::ops::{Add, AddAssign};
use std::time::Duration;

/// Processor time of the calling thread, user and system.
pub fn this_thread() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) =
        (u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0));
    Duration::new(seconds, nanos)
}

/// Processor time of a process that lives, user and system. `None`: it is gone.
pub fn process(id: u32) -> Option<Duration> {
    let ticks = ticks(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)?;
    let second = rustix::param::clock_ticks_per_second().max(1);
    Some(Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / second)))
}

/// `utime` and `stime` of a line of `/proc/<pid>/stat` (proc(5): fields 14 and 15). The second field is a name in
/// parentheses, with anything in it.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    user.checked_add(system)
}

/// Peak resident memory of a process in bytes, since its start or since it was set back.
pub fn peak(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Sets a process's peak back to what it has now (proc(5), `clear_refs`). Where that is not allowed, the peak stays
/// that of its life, which is no less.
pub fn set_peak_back(id: u32) {
    let _ = std::fs::write(format!("/proc/{id}/clear_refs"), "5");
}

/// Cost of one file.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Processor time of the work that is not OCR: decoding, composing.
    pub own: Duration,
    /// Processor time of the page worker, or of the command and its children.
    pub reader: Duration,
    /// Of the page worker or of the largest process of the command, bytes.
    pub peak: u64,
    /// A page worker was started for it, so loading of models is in it.
    pub started: bool,
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            own: self.own + other.own,
            reader: self.reader + other.reader,
            peak: self.peak.max(other.peak),
            started: self.started || other.started,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_brackets_moves_no_field() {
        assert_eq!(ticks("7 (a) b (c)) S 1 7 7 0 -1 4194560 90 0 0 0 120 34 5 6 20 0 1 0 3"), Some(154));
        assert_eq!(ticks("7 (x) S 1"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn work_is_seen_and_a_process_that_is_gone_is_not() {
        let before = this_thread();
        let mut sum = 0_u64;
        while this_thread() - before < Duration::from_millis(20) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let me = std::process::id();
        assert!(process(me).is_some_and(|time| time >= Duration::from_millis(10)));
        assert!(peak(me).is_some_and(|bytes| bytes > 1 << 20));
        assert_eq!(process(u32::MAX), None);
    }
}
