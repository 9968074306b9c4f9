//! Sound in real time beside a hundred other tests: a modem that is kept waiting for 200 ms has lost its line.

use rustix::process::{getpriority_process, setpriority_process};

/// Far before everything that is not in a hurry, such as the other tests.
const URGENT: i32 = -15;

/// Does something with a thread's priority raised: programs and threads that are started there keep it. Where that is not
/// allowed (it wants root), it is done all the same.
pub fn urgently<T>(work: impl FnOnce() -> T) -> T {
    let usual = getpriority_process(None);
    // On Linux the priority is the thread's own.
    let raised = setpriority_process(None, URGENT).is_ok();
    let done = work();
    if let (true, Ok(usual)) = (raised, usual) {
        setpriority_process(None, usual).expect("a lower priority is always to be had");
    }
    done
}
