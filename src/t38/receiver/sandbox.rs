//! What this process gives up before the first packet comes: it has a C library that meets callers' bytes.
//!
//! - Landlock: of all files only the spool can be written, and only what name look-up and certificates need can be read.
//! - seccomp: no other program can be started, no process looked into, nothing mounted, loaded or traced.
//!
//! Both hold for this thread and all that it starts, so they come before any other thread does. A kernel without them is no
//! reason to take no calls: the unit file says the same again, and more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
    Scope,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// What may be read: names of hosts, authorities' certificates, the time zone, this process's own files in memory.
const READ: [&str; 5] = ["/etc", "/usr", "/lib", "/lib64", "/run/systemd/resolve"];

/// What holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Of Landlock: `whole`, `partly`, or why not.
    pub landlock: String,
    /// Of seccomp: `whole`, or why not.
    pub seccomp: String,
}

/// Gives up everything but the spool.
pub fn enter(spool: &Path) -> Held {
    let held = |result: Result<&'static str, String>| result.map_or_else(|why| why, str::to_owned);
    Held { landlock: held(files(spool)), seccomp: held(calls()) }
}

fn files(spool: &Path) -> Result<&'static str, String> {
    let abi = ABI::V6;
    let beneath = |path: PathBuf, access| PathFd::new(path).map(|fd| PathBeneath::new(fd, access));
    let restricted = || {
        let mut rules = Ruleset::default()
            .handle_access(AccessFs::from_all(abi))?
            // Not of abstract sockets: the service manager's may be one.
            .scope(Scope::Signal)?
            .create()?
            .no_new_privs(true);
        for path in READ {
            // What is not there needs no rule.
            if let Ok(rule) = beneath(PathBuf::from(path), AccessFs::from_read(abi)) {
                rules = rules.add_rule(rule)?;
            }
        }
        // Where `/etc/resolv.conf` and its like are links, the folder that they lead to: the file itself is replaced at times.
        for link in ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/localtime"] {
            let target = std::fs::canonicalize(link).ok().and_then(|file| Some(file.parent()?.to_path_buf()));
            if let Some(folder) = target.filter(|folder| folder.components().count() > 2)
                && let Ok(rule) = beneath(folder, AccessFs::from_read(abi))
            {
                rules = rules.add_rule(rule)?;
            }
        }
        if let Ok(rule) = beneath(PathBuf::from("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile) {
            rules = rules.add_rule(rule)?;
        }
        if let Ok(rule) = beneath(spool.to_path_buf(), AccessFs::from_all(abi)) {
            rules = rules.add_rule(rule)?;
        }
        rules.restrict_self()
    };
    let status = restricted().map_err(|error: landlock::RulesetError| error.to_string())?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok("whole"),
        RulesetStatus::PartiallyEnforced => Ok("partly"),
        RulesetStatus::NotEnforced => Err("this kernel has none".to_owned()),
    }
}

/// Calls into the kernel that no fax needs. They fail with EPERM.
const REFUSED: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_open_by_handle_at,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_acct,
    libc::SYS_quotactl,
];

fn calls() -> Result<&'static str, String> {
    let arch = std::env::consts::ARCH.try_into().map_err(|_| "unknown processor".to_owned())?;
    let rules: BTreeMap<i64, Vec<seccompiler::SeccompRule>> =
        REFUSED.iter().map(|call| (*call, vec![])).collect();
    let refuse = SeccompAction::Errno(u32::try_from(libc::EPERM).unwrap_or(1));
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).map_err(|error| error.to_string())?;
    let program: BpfProgram =
        filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
    seccompiler::apply_filter(&program).map_err(|error| error.to_string())?;
    Ok("whole")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// In a thread of its own, which alone is bound.
    #[test]
    fn only_the_spool_can_be_written_and_no_program_started() {
        let spool = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let (inside, outside) = (spool.path().join("a"), elsewhere.path().join("a"));
        let place = spool.path().to_path_buf();
        let thread = std::thread::spawn(move || {
            let held = enter(&place);
            assert_eq!(held.seccomp, "whole");
            std::fs::write(&inside, b"x").unwrap();
            std::fs::rename(&inside, place.join("b")).unwrap();
            let program = std::process::Command::new("/bin/true").status();
            assert_eq!(program.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
            // What spandsp does: a file of this process in memory, by its name.
            let memory = rustix::fs::memfd_create("fax", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
            let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&memory));
            let mut opened = std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(path)
                .unwrap();
            opened.write_all(b"II*\0").unwrap();
            (held.landlock, std::fs::write(&outside, b"x").is_err())
        });
        let (landlock, kept_out) = thread.join().unwrap();
        assert!(
            landlock != "whole" || kept_out,
            "Landlock is in force, and yet a file was written elsewhere"
        );
    }
}
