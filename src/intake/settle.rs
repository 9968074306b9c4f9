//! Is this fax complete? A pure decision over what can be seen of it, strongest signal first.
//!
//! The trap: a multi-page TIFF that is still being received is a valid TIFF after every page. That a file parses
//! says nothing; that its bytes have not changed for a while says little, since one page can take minutes at
//! 2400 bit/s. So:
//!
//! 1. a lock that its writer holds says *no* (HylaFAX; gofaxip, spandsp and mgetty lock nothing, so a free lock says nothing);
//! 2. a ticket of the hook says *yes*;
//! 3. the mode that HylaFAX gives a finished file says *yes*;
//! 4. a sidecar put there by rename says *yes*;
//! 5. our own receiver of T.38 leaves a record beside each fax, by rename: there nothing else counts, for a receiver
//!    that died finds its files at its next start and writes what is missing;
//! 6. else: quiet for the whole period, nobody has it open for writing, and its structure goes to the end.

use std::time::Duration;

use super::Kind;

/// What can be seen of one candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signals {
    /// The spool's kind.
    pub kind: Kind,
    /// Nothing but a ticket counts.
    pub ticket_only: bool,
    /// A hook is installed: its ticket is worth waiting for, since it knows more of the call.
    pub hook: bool,
    /// A ticket names the file and is not older than it.
    pub ticket: bool,
    /// What trying `flock(LOCK_SH|LOCK_NB)` told.
    pub lock: Lock,
    /// The file has the mode of a finished one; `None`: the spool names no such mode.
    pub mode_reached: Option<bool>,
    /// A readable sidecar lies beside it and was written after it.
    pub sidecar: bool,
    /// Bytes, of all pages for mgetty.
    pub bytes: u64,
    /// For how long size, times and inode have not changed, as far as we know.
    pub unchanged: Duration,
    /// The spool's quiet period.
    pub quiet: Duration,
    /// The closer look, once it was taken.
    pub look: Option<Look>,
}

/// The result of a non-blocking shared lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Somebody holds it exclusively.
    Held,
    /// Obtained, and let go.
    Free,
    /// The file cannot be opened: HylaFAX's are 0600 while they are received.
    Denied,
}

/// What costs more than a `stat`: read only when the quiet period is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Does the file go to its end?
    pub structure: Structure,
    /// Does a process have it open for writing?
    pub writer: Writer,
}

/// Does the file go to its end?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// Every page is there as far as the format can tell.
    Whole,
    /// The chain of pages breaks off, or there is none.
    Broken,
    /// spandsp counts a file's pages when it closes it (TIFF PageNumber): this one was not closed.
    NotClosed,
}

/// Does a process have it open for writing?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Yes.
    Open,
    /// No process that we can see, and we can see all that have files open.
    None,
    /// Not to be seen from here: other users' processes, another machine.
    Unknown,
}

/// Why a fax counts as complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The hook's ticket.
    Ticket,
    /// The mode of a finished file.
    Mode,
    /// A sidecar.
    Sidecar,
    /// Quiet, closed and whole.
    Quiet,
    /// Not whole, but nobody has touched it for [`ABANDONED`]: its writer died. Better a damaged fax than none.
    Abandoned,
}

impl Signal {
    /// The word in events and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Mode => "mode",
            Self::Sidecar => "sidecar",
            Self::Quiet => "quiet",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Why a fax has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The receiver holds its lock.
    Locked,
    /// It cannot be opened yet, or never: permissions.
    Denied,
    /// The hook has not spoken, and nothing else counts.
    NoTicket,
    /// The hook is about to speak: HylaFAX gives a file its mode just before it calls the hook.
    HookPending,
    /// It changed a moment ago.
    Changing,
    /// A process is writing.
    Written,
    /// Its pages are not all there.
    Unfinished,
    /// There is nothing in it yet.
    Empty,
    /// It is larger than any fax.
    TooLarge,
    /// Our own receiver has not said that it is done: no record lies beside it.
    NoRecord,
}

impl Reason {
    /// True if the wait will end by itself, in minutes or with the call; false if only a person or a hook can end it.
    pub fn passes(self) -> bool {
        !matches!(self, Self::NoTicket | Self::Denied | Self::Empty | Self::TooLarge | Self::NoRecord)
    }

    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Locked => "the receiver still holds its lock",
            Self::Denied => "the gateway may not read it",
            Self::NoTicket => "no hook has reported it",
            Self::HookPending => "the hook is about to report it",
            Self::Changing => "it changed a moment ago",
            Self::Written => "a process has it open for writing",
            Self::Unfinished => "its pages are not all there",
            Self::Empty => "there is nothing in it",
            Self::TooLarge => "it is larger than any fax",
            Self::NoRecord => "the receiver has left no record of its call",
        }
    }
}

/// What to do about a candidate now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Take it.
    Complete(Signal),
    /// Leave it, and look again after so long.
    Wait(Reason, Duration),
    /// Look at structure and writers, then judge again.
    LookCloser,
}

/// An empty TIFF: the header alone, or less. HylaFAX makes one for every call before it knows that it is a fax.
const NOTHING: u64 = 8;
/// How often a held lock or an open writer is asked again.
pub const RECHECK: Duration = Duration::from_secs(5);
/// How long a hook that is installed may take to report a file that nobody changes any more.
pub const TICKET_GRACE: Duration = Duration::from_secs(30);
/// A file that nobody has changed for so long has no writer any more, however broken it is: at 2400 bit/s the
/// longest page that T.30 lets through (ten minutes of phase C are rare) is long over.
pub const ABANDONED: Duration = Duration::from_secs(3600);

/// Judges one candidate.
pub fn judge(signals: &Signals) -> Verdict {
    match signals.lock {
        Lock::Held => return Verdict::Wait(Reason::Locked, RECHECK),
        Lock::Denied => return Verdict::Wait(Reason::Denied, RECHECK),
        Lock::Free => {}
    }
    if signals.ticket {
        return Verdict::Complete(Signal::Ticket);
    }
    if signals.ticket_only {
        return Verdict::Wait(Reason::NoTicket, ABANDONED);
    }
    if signals.kind == Kind::T38 {
        return match signals.sidecar {
            true => Verdict::Complete(Signal::Sidecar),
            false => Verdict::Wait(Reason::NoRecord, ABANDONED),
        };
    }
    if signals.bytes <= NOTHING {
        return Verdict::Wait(Reason::Empty, signals.quiet.max(RECHECK));
    }
    if signals.hook && signals.unchanged < TICKET_GRACE {
        return Verdict::Wait(Reason::HookPending, TICKET_GRACE - signals.unchanged);
    }
    if signals.kind == Kind::Hylafax && signals.mode_reached == Some(true) {
        return Verdict::Complete(Signal::Mode);
    }
    if signals.kind == Kind::Drop && signals.sidecar {
        return Verdict::Complete(Signal::Sidecar);
    }
    if signals.unchanged < signals.quiet {
        return Verdict::Wait(Reason::Changing, signals.quiet - signals.unchanged);
    }
    let Some(look) = signals.look else { return Verdict::LookCloser };
    let abandoned = signals.unchanged >= ABANDONED.max(signals.quiet);
    let wait_on = RECHECK.max(signals.quiet / 4);
    match (look.writer, look.structure) {
        (Writer::Open, _) => Verdict::Wait(Reason::Written, RECHECK),
        (_, Structure::Whole) => Verdict::Complete(Signal::Quiet),
        _ if abandoned => Verdict::Complete(Signal::Abandoned),
        _ => Verdict::Wait(Reason::Unfinished, wait_on),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUIET: Duration = Duration::from_secs(60);

    fn fresh(kind: Kind) -> Signals {
        Signals {
            kind,
            ticket_only: false,
            hook: false,
            ticket: false,
            lock: Lock::Free,
            mode_reached: None,
            sidecar: false,
            bytes: 2000,
            unchanged: Duration::ZERO,
            quiet: QUIET,
            look: None,
        }
    }

    fn looked(structure: Structure, writer: Writer) -> Option<Look> {
        Some(Look { structure, writer })
    }

    #[test]
    fn the_table() {
        use Reason::*;
        let hylafax = || fresh(Kind::Hylafax);
        let drop = || fresh(Kind::Drop);
        let rows: Vec<(&str, Signals, Result<Signal, Reason>)> = vec![
            ("fresh", hylafax(), Err(Changing)),
            ("a free lock is no proof", Signals { unchanged: QUIET / 2, ..hylafax() }, Err(Changing)),
            ("ticket", Signals { ticket: true, ..hylafax() }, Ok(Signal::Ticket)),
            (
                "ticket of an earlier call, file being received again",
                Signals { ticket: true, lock: Lock::Held, ..hylafax() },
                Err(Locked),
            ),
            (
                "locked though long quiet",
                Signals { lock: Lock::Held, unchanged: ABANDONED, ..hylafax() },
                Err(Locked),
            ),
            ("0600 while received", Signals { lock: Lock::Denied, ..hylafax() }, Err(Denied)),
            ("mode", Signals { mode_reached: Some(true), ..hylafax() }, Ok(Signal::Mode)),
            (
                "mode, with a hook that comes after it",
                Signals { mode_reached: Some(true), hook: true, ..hylafax() },
                Err(HookPending),
            ),
            (
                "mode, with a hook that did not come",
                Signals { mode_reached: Some(true), hook: true, unchanged: TICKET_GRACE, ..hylafax() },
                Ok(Signal::Mode),
            ),
            ("mode not yet", Signals { mode_reached: Some(false), ..hylafax() }, Err(Changing)),
            (
                "mode means nothing for mgetty",
                Signals { mode_reached: Some(true), ..fresh(Kind::Mgetty) },
                Err(Changing),
            ),
            (
                "mode does not beat ticket_only",
                Signals { mode_reached: Some(true), ticket_only: true, ..hylafax() },
                Err(NoTicket),
            ),
            (
                "ticket_only waits for ever",
                Signals {
                    ticket_only: true,
                    unchanged: ABANDONED * 9,
                    look: looked(Structure::Whole, Writer::None),
                    ..hylafax()
                },
                Err(NoTicket),
            ),
            (
                "ticket_only with ticket",
                Signals { ticket_only: true, ticket: true, ..hylafax() },
                Ok(Signal::Ticket),
            ),
            ("sidecar", Signals { sidecar: true, ..drop() }, Ok(Signal::Sidecar)),
            (
                "a json beside a HylaFAX file is no sidecar",
                Signals { sidecar: true, ..hylafax() },
                Err(Changing),
            ),
            ("a T.38 fax and its record", Signals { sidecar: true, ..fresh(Kind::T38) }, Ok(Signal::Sidecar)),
            (
                "a T.38 fax without its record waits for ever, whole or not",
                Signals {
                    unchanged: ABANDONED * 9,
                    look: looked(Structure::Whole, Writer::None),
                    ..fresh(Kind::T38)
                },
                Err(NoRecord),
            ),
            ("header only", Signals { bytes: 8, unchanged: ABANDONED * 2, ..hylafax() }, Err(Empty)),
            ("header only, sidecar", Signals { bytes: 8, sidecar: true, ..drop() }, Err(Empty)),
            ("header only, ticket", Signals { bytes: 0, ticket: true, ..drop() }, Ok(Signal::Ticket)),
            (
                "quiet and whole",
                Signals { unchanged: QUIET, look: looked(Structure::Whole, Writer::None), ..drop() },
                Ok(Signal::Quiet),
            ),
            (
                "quiet and whole, writers not to be seen",
                Signals { unchanged: QUIET, look: looked(Structure::Whole, Writer::Unknown), ..drop() },
                Ok(Signal::Quiet),
            ),
            (
                "quiet, whole, but open",
                Signals { unchanged: QUIET, look: looked(Structure::Whole, Writer::Open), ..drop() },
                Err(Written),
            ),
            (
                "open for ever",
                Signals { unchanged: ABANDONED * 2, look: looked(Structure::Whole, Writer::Open), ..drop() },
                Err(Written),
            ),
            (
                "page count not written",
                Signals { unchanged: QUIET, look: looked(Structure::NotClosed, Writer::None), ..drop() },
                Err(Unfinished),
            ),
            (
                "chain broken",
                Signals { unchanged: QUIET, look: looked(Structure::Broken, Writer::Unknown), ..drop() },
                Err(Unfinished),
            ),
            (
                "its writer died",
                Signals { unchanged: ABANDONED, look: looked(Structure::NotClosed, Writer::None), ..drop() },
                Ok(Signal::Abandoned),
            ),
            (
                "mgetty page without its end",
                Signals {
                    unchanged: ABANDONED,
                    look: looked(Structure::Broken, Writer::Unknown),
                    ..fresh(Kind::Mgetty)
                },
                Ok(Signal::Abandoned),
            ),
        ];
        for (name, signals, expected) in rows {
            let verdict = match judge(&signals) {
                Verdict::Complete(signal) => Ok(signal),
                Verdict::Wait(reason, _) => Err(reason),
                Verdict::LookCloser => panic!("{name}: a closer look was asked for"),
            };
            assert_eq!(verdict, expected, "{name}");
        }
    }

    #[test]
    fn the_closer_look_is_asked_for_only_when_it_decides() {
        let quiet = Signals { unchanged: QUIET, ..fresh(Kind::Drop) };
        assert_eq!(judge(&quiet), Verdict::LookCloser);
        assert_eq!(judge(&Signals { sidecar: true, ..quiet.clone() }), Verdict::Complete(Signal::Sidecar));
        let almost = Signals { unchanged: QUIET - Duration::from_secs(1), ..quiet };
        assert_eq!(judge(&almost), Verdict::Wait(Reason::Changing, Duration::from_secs(1)));
    }

    proptest! {
        #[test]
        fn without_a_strong_signal_nothing_is_taken_before_the_quiet_period(
            kind in proptest::sample::select(vec![Kind::Hylafax, Kind::Mgetty, Kind::Drop, Kind::T38]),
            seconds in 0u64..60, bytes: u64, whole: bool,
        ) {
            let structure = if whole { Structure::Whole } else { Structure::Broken };
            let signals = Signals {
                bytes, unchanged: Duration::from_secs(seconds), look: looked(structure, Writer::Unknown), ..fresh(kind)
            };
            prop_assert!(!matches!(judge(&signals), Verdict::Complete(_)));
        }

        #[test]
        fn a_held_lock_beats_everything(ticket: bool, sidecar: bool, mode: Option<bool>, hours in 0u64..1000) {
            let signals = Signals {
                ticket, sidecar, mode_reached: mode, lock: Lock::Held,
                unchanged: Duration::from_secs(hours * 3600), ..fresh(Kind::Hylafax)
            };
            prop_assert_eq!(judge(&signals), Verdict::Wait(Reason::Locked, RECHECK));
        }
    }
}
