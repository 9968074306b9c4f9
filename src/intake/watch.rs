//! Watching one spool: scan at start, at every hint, and at every interval whatever happens.
//!
//! inotify loses events when its queue overflows, sees nothing on network disks, and stops when its folder is replaced.
//! So its events are hints. A folder that is missing is tried again and again; that is said once.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ledger::Ledger;
use super::scan::Scanner;
use super::{FAILED, IntakeError, Kind, Spool};
use crate::fax::Millis;
use crate::ops::clock;
use crate::ops::health::Health;

/// How often a spool is scanned whatever the events say.
pub const SCAN_INTERVAL: Duration = Duration::from_secs(60);
/// Events come in flocks.
const SETTLE: Duration = Duration::from_millis(200);
/// After an error of the folder or the store.
const RETRY: Duration = Duration::from_secs(5);
/// No scan follows the one before sooner.
const SOONEST: Duration = Duration::from_millis(100);

/// A clock that ran so much ahead between two looks was set.
const CLOCK_SET: Millis = 5_000;

/// Watches a spool until cancelled, and tells `health` what keeps faxes in it. `zone` is that of the fax server's clock,
/// in which it writes dates. A scan that is under way is finished first: nothing is half admitted.
pub async fn run<L: Ledger>(
    spool: Spool,
    ledger: L,
    interval: Duration,
    zone: TimeZone,
    health: Health,
    cancel: CancellationToken,
) {
    let (hint, mut hints) = mpsc::channel::<()>(1);
    let mut scanner = Scanner::new(spool, zone);
    let mut eyes = Eyes::default();
    let mut trouble = Trouble::default();
    let mut last: Option<(Instant, Millis)> = None;
    while !cancel.is_cancelled() {
        if !scanner.spool().poll {
            eyes.open(scanner.spool(), &hint);
        }
        let now = clock::now();
        if let Some((then, was)) = last.replace((Instant::now(), now))
            && now - was > Millis::try_from(then.elapsed().as_millis()).unwrap_or(Millis::MAX) + CLOCK_SET
        {
            scanner.clock_was_set(now);
        }
        let next = match scanner.scan_once(&ledger, now).await {
            Ok(report) => {
                trouble.over(&scanner.spool().name);
                health.spool(&scanner.spool().name, stuck(&scanner.spool().name, report.stuck));
                report.recheck.map_or(interval, |sooner| sooner.min(interval))
            }
            Err(error) => {
                trouble.say(&scanner.spool().name, &error);
                health.spool(&scanner.spool().name, Some(error.fault().to_string()));
                RETRY.min(interval)
            }
        };
        tokio::select! {
            () = cancel.cancelled() => break,
            () = tokio::time::sleep(next.max(SOONEST)) => {}
            Some(()) = hints.recv() => {
                tokio::select! {
                    () = cancel.cancelled() => break,
                    () = tokio::time::sleep(SETTLE) => {}
                }
            }
        }
        while hints.try_recv().is_ok() {}
    }
    // Whether anybody watches it from now on is another's business.
    health.spool(&scanner.spool().name, None);
}

/// What health is told of files that only a person can help.
fn stuck(spool: &str, files: usize) -> Option<String> {
    metrics::gauge!("faxgate_intake_stuck", "spool" => spool.to_owned()).set(files as f64);
    (files > 0).then(|| format!("{files} cannot be taken in, see the log"))
}

/// One trouble is said once, and its end once.
#[derive(Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn say(&mut self, spool: &str, error: &IntakeError) {
        let fault = error.fault();
        metrics::counter!("faxgate_intake_errors_total", "spool" => spool.to_owned(), "code" => fault.code.clone()).increment(1);
        if self.0.as_ref() != Some(&fault.code) {
            tracing::warn!(spool, code = fault.code, detail = fault.detail, "{}", fault.operator);
            self.0 = Some(fault.code);
        }
    }

    fn over(&mut self, spool: &str) {
        if let Some(code) = self.0.take() {
            tracing::info!(spool, code, "the spool is scanned again");
        }
    }
}

/// The inotify watches of one spool: its folder, its tickets, and where calls without pages are left.
#[derive(Default)]
struct Eyes {
    watcher: Option<RecommendedWatcher>,
    /// Which folders are watched, by inode: a folder that was replaced is another one.
    watched: Vec<(PathBuf, u64)>,
    /// inotify is not to be had (limits): said once, the interval must do.
    said: bool,
}

impl Eyes {
    /// Watches what is there; called before every scan, it does nothing while the same folders are watched.
    fn open(&mut self, spool: &Spool, hint: &mpsc::Sender<()>) {
        let failed = (spool.kind == Kind::T38).then(|| spool.path.join(FAILED));
        let folders = std::iter::once(&spool.path).chain(&spool.tickets).chain(&failed);
        let there: Vec<(PathBuf, u64)> =
            folders.filter_map(|folder| Some((folder.clone(), inode(folder)?))).collect();
        if self.watcher.is_some() && there == self.watched {
            return;
        }
        let hint = hint.clone();
        let made = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| event.need_rescan() || tells(&event.kind)) {
                // Full: a hint is waiting already.
                let _ = hint.try_send(());
            }
        });
        let watching = made.and_then(|mut watcher| {
            for (folder, _) in &there {
                watcher.watch(folder, RecursiveMode::NonRecursive)?;
            }
            Ok(watcher)
        });
        match watching {
            Ok(watcher) => {
                (self.watcher, self.watched, self.said) = (Some(watcher), there, false);
            }
            Err(error) => {
                self.watcher = None;
                if !self.said {
                    tracing::warn!(spool = spool.name, %error, "no events of the file system: the spool is scanned by the clock alone");
                    self.said = true;
                }
            }
        }
    }
}

fn inode(folder: &Path) -> Option<u64> {
    folder.metadata().ok().map(|meta| meta.ino())
}

/// Events that may mean that something is complete. Opening and reading are our own doing; data that are being
/// written mean that it is not.
fn tells(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Create(_)
            | EventKind::Modify(ModifyKind::Metadata(_) | ModifyKind::Name(_))
            | EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Other
    )
}
