//! One look at one spool: everything that is complete is admitted, everything admitted is released.
//!
//! The scan is the truth; events of the file system only hasten it. It remembers between looks what cannot be seen
//! in one: since when a file has not changed, and which arrivals the store knows already.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::admit::{self, Reading};
use super::ledger::Ledger;
use super::look::{self, Entry, Identity};
use super::release::{self, Released};
use super::settle::{self, Lock, Look, Reason, Signals, Structure, Verdict, Writer};
use super::survey::{self, Candidate, Finding, Slip, Survey};
use super::{IntakeError, Kind, Spool, foreign};
use crate::fax::{CallRecord, FaxId, Format, Millis, Receipt};

/// A spool and what is remembered of it.
pub struct Scanner {
    spool: Arc<Spool>,
    zone: TimeZone,
    /// Keys of arrivals that the store holds and whose files are still here.
    known: HashSet<String>,
    sightings: HashMap<PathBuf, Sighting>,
    /// Findings that were said already: each once.
    said: HashSet<(&'static str, String)>,
    /// When the clock was last seen to be set forward: times before that measure nothing.
    clock_set: Millis,
}

/// What was seen of a candidate, and since when it has looked so.
struct Sighting {
    files: Vec<Identity>,
    since: Millis,
    /// The last look.
    looked: Millis,
    /// The store was asked for this key, and did not know it.
    asked: bool,
}

/// What one scan did.
#[derive(Debug, Default)]
pub struct Report {
    /// Faxes admitted.
    pub admitted: Vec<FaxId>,
    /// Sources let go.
    pub released: usize,
    /// Calls without pages noted.
    pub empty_calls: usize,
    /// What has to wait, and why.
    pub waiting: Vec<Waiting>,
    /// Files that will not be taken in unless a person does something.
    pub stuck: usize,
    /// New findings: what an operator should know. Each is given once.
    pub findings: Vec<Finding>,
    /// When to look again, if something is about to change by itself.
    pub recheck: Option<Duration>,
}

/// A candidate that has to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: Reason,
}

impl Report {
    /// How many candidates will be complete by themselves: `--drain` waits for these and for no others.
    pub fn will_settle(&self) -> usize {
        self.waiting.iter().filter(|waiting| waiting.reason.passes()).count()
    }

    fn wait(&mut self, name: &str, reason: Reason, recheck: Duration) {
        self.waiting.push(Waiting { name: name.to_owned(), reason });
        if reason.passes() {
            self.recheck = Some(self.recheck.map_or(recheck, |sooner| sooner.min(recheck)));
        }
    }
}

/// Something that has lain unfinished for so long is worth a word: an un-ticketed file, one that we may not read.
pub const FORGOTTEN: Duration = Duration::from_secs(4 * 3600);
/// A ticket whose file is not there: on a network disk the folder may be old news for so long.
const NETWORK_LAG: Duration = Duration::from_secs(300);
/// A sidecar whose file is not there: a recipe may write it first.
const LONE_SIDECAR: Duration = Duration::from_secs(3600);

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// Runs work that waits for disks.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|gone| Err(io::Error::other(gone.to_string())))
}

impl Scanner {
    /// A scanner that has seen nothing yet. `zone` is that of the fax server's clock.
    pub fn new(spool: Spool, zone: TimeZone) -> Self {
        Self {
            spool: Arc::new(spool),
            zone,
            known: HashSet::new(),
            sightings: HashMap::new(),
            said: HashSet::new(),
            clock_set: Millis::MIN,
        }
    }

    /// The clock was set forward, to `now`: every quiet period begins anew, for nobody knows how long the last was.
    pub fn clock_was_set(&mut self, now: Millis) {
        self.clock_set = now;
        self.sightings.values_mut().for_each(|sighting| sighting.since = now);
    }

    /// The spool.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Looks once. An error is about the folder or the store; what concerns one file is a finding, and the scan goes on.
    pub async fn scan_once<L: Ledger>(&mut self, ledger: &L, now: Millis) -> Result<Report, IntakeError> {
        let spool = Arc::clone(&self.spool);
        let (held, survey) =
            tokio::task::spawn_blocking(move || look_around(&spool)).await.unwrap_or_else(|gone| {
                let source = io::Error::other(gone.to_string());
                Err(IntakeError::Folder { path: self.spool.path.clone(), source })
            })?;
        let Survey { mut candidates, without_file, lone_sidecars, empty_calls, findings } = survey;
        let mut report = Report::default();
        for (group, error) in held {
            candidates.retain(|candidate| candidate.name != group);
            let words = format!("it is admitted, but cannot be let go: {error}");
            self.say(Finding { code: "intake.release", name: group, words }, &mut report);
        }
        findings.into_iter().for_each(|finding| self.say(finding, &mut report));
        let keys: HashSet<String> = candidates.iter().map(Candidate::key).collect();
        self.known.retain(|key| keys.contains(key));
        let places: HashSet<PathBuf> = candidates.iter().map(Candidate::place).collect();
        self.sightings.retain(|place, _| places.contains(place));
        for candidate in candidates {
            self.candidate(ledger, candidate, now, &mut report).await?;
        }
        for slip in without_file {
            self.ticket_without_file(ledger, slip, now, &mut report).await?;
        }
        for (entry, record) in lone_sidecars {
            self.lone_sidecar(ledger, entry, record, now, &mut report).await?;
        }
        for (entry, record) in empty_calls {
            self.empty_call(ledger, entry, record, "the call brought no page", now, &mut report).await?;
        }
        Ok(report)
    }

    /// Passes a finding on, the first time.
    fn say(&mut self, finding: Finding, report: &mut Report) {
        if self.said.insert((finding.code, finding.name.clone())) {
            tracing::warn!(
                spool = self.spool.name,
                code = finding.code,
                file = foreign::masked_name(&finding.name),
                "{}",
                finding.words
            );
            report.findings.push(finding);
        }
    }

    async fn candidate<L: Ledger>(
        &mut self,
        ledger: &L,
        candidate: Candidate,
        now: Millis,
        report: &mut Report,
    ) -> Result<(), IntakeError> {
        let key = candidate.key();
        let since = self.sight(&candidate, now);
        if self.is_known(ledger, &candidate, &key).await? {
            return self.release(candidate, report).await;
        }
        let verdict = match self.judge(&candidate, now - since).await {
            Ok(verdict) => verdict,
            // Gone since it was listed: the next scan does not see it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                self.unreadable(&candidate, &error, report);
                return Ok(());
            }
        };
        match verdict {
            Verdict::Complete(signal) => self.take(ledger, candidate, key, signal, now, report).await,
            Verdict::Wait(reason, recheck) => {
                report.wait(&candidate.name, reason, recheck);
                if let Some((code, words)) = overdue(reason, !candidate.tickets.is_empty(), now - since) {
                    report.stuck += usize::from(reason != Reason::Empty);
                    self.say(Finding { code, name: candidate.name, words }, report);
                }
                Ok(())
            }
            Verdict::LookCloser => Ok(()),
        }
    }

    /// Since when the candidate has looked as it looks now. Its own times are believed on a local disk, but never
    /// beyond what was seen: a state is younger than the look that saw another one. On a network disk clocks differ,
    /// and only our own looks count.
    fn sight(&mut self, candidate: &Candidate, now: Millis) -> Millis {
        let files: Vec<Identity> = candidate.files.iter().map(|file| file.id).collect();
        let touched = Some(candidate.touched()).filter(|touched| !self.spool.poll && *touched <= now);
        let place = candidate.place();
        let seen = self.sightings.get_mut(&place);
        if let Some(sighting) = seen.filter(|sighting| sighting.files == files) {
            sighting.looked = now;
            // Later than now: the clock was set back since.
            sighting.since = sighting.since.min(now);
            return sighting.since;
        }
        let looked = self.sightings.get(&place).map_or(Millis::MIN, |sighting| sighting.looked.min(now));
        let since = touched.unwrap_or(now).max(looked).max(self.clock_set);
        self.sightings.insert(place, Sighting { files, since, looked: now, asked: false });
        since
    }

    /// Asks the store once for each state of a candidate.
    async fn is_known<L: Ledger>(
        &mut self,
        ledger: &L,
        candidate: &Candidate,
        key: &str,
    ) -> Result<bool, IntakeError> {
        if self.known.contains(key) {
            return Ok(true);
        }
        let Some(sighting) = self.sightings.get_mut(&candidate.place()) else { return Ok(false) };
        if sighting.asked {
            return Ok(false);
        }
        let found = ledger.find_arrival(&self.spool.name, key).await.map_err(IntakeError::Ledger)?;
        sighting.asked = true;
        if found.is_some() {
            self.known.insert(key.to_owned());
        }
        Ok(found.is_some())
    }

    async fn judge(&self, candidate: &Candidate, unchanged: Millis) -> io::Result<Verdict> {
        let spool = Arc::clone(&self.spool);
        let candidate = candidate.clone();
        let unchanged = Duration::from_millis(u64::try_from(unchanged).unwrap_or(0));
        blocking(move || {
            let mut signals = signals(&spool, &candidate, unchanged)?;
            let verdict = settle::judge(&signals);
            if verdict != Verdict::LookCloser {
                return Ok(verdict);
            }
            signals.look = Some(look_closer(&spool, &candidate)?);
            Ok(settle::judge(&signals))
        })
        .await
    }

    /// Reads, stores, commits, releases.
    async fn take<L: Ledger>(
        &mut self,
        ledger: &L,
        candidate: Candidate,
        key: String,
        signal: settle::Signal,
        now: Millis,
        report: &mut Report,
    ) -> Result<(), IntakeError> {
        let (spool, zone, copy) = (Arc::clone(&self.spool), self.zone.clone(), candidate.clone());
        let read = blocking(move || admit::read(&spool, &copy, signal, now, &zone)).await;
        let taken = match read {
            Ok(Reading::Taken(taken)) => *taken,
            Ok(Reading::Changed) => {
                report.wait(&candidate.name, Reason::Changing, settle::RECHECK);
                return Ok(());
            }
            Ok(Reading::TooLarge) => {
                report.wait(&candidate.name, Reason::TooLarge, settle::RECHECK);
                report.stuck += 1;
                let words =
                    format!("it has {} bytes, more than any fax: it is left where it is", candidate.bytes());
                self.say(Finding { code: "intake.too-large", name: candidate.name, words }, report);
                return Ok(());
            }
            Err(error) => {
                self.unreadable(&candidate, &error, report);
                return Ok(());
            }
        };
        let admission = admit::admit(ledger, &self.spool, &candidate, &key, taken, now)
            .await
            .map_err(IntakeError::Ledger)?;
        self.known.insert(key);
        if admission.new {
            tracing::info!(
                fax = %admission.id,
                spool = self.spool.name,
                file = foreign::masked_name(&candidate.name),
                signal = signal.word(),
                "admitted"
            );
            metrics::counter!("faxgate_admitted_total", "spool" => self.spool.name.clone(), "signal" => signal.word())
                .increment(1);
            report.admitted.push(admission.id);
        }
        self.release(candidate, report).await
    }

    /// Lets go of what the store holds. What fails is tried again at the next scan.
    async fn release(&mut self, candidate: Candidate, report: &mut Report) -> Result<(), IntakeError> {
        let (spool, copy) = (Arc::clone(&self.spool), candidate.clone());
        match blocking(move || release::release(&spool, &copy)).await {
            Ok(Released::Done) => report.released += 1,
            Ok(Released::Nothing) => {}
            Ok(Released::Changed) => report.wait(&candidate.name, Reason::Changing, settle::RECHECK),
            Err(error) => {
                let words = format!("it is admitted, but cannot be let go: {error}");
                self.say(Finding { code: "intake.release", name: candidate.name, words }, report);
            }
        }
        Ok(())
    }

    fn unreadable(&mut self, candidate: &Candidate, error: &io::Error, report: &mut Report) {
        report.wait(&candidate.name, Reason::Denied, settle::RECHECK);
        report.stuck += 1;
        let words = format!("it cannot be read: {error}");
        self.say(Finding { code: "intake.unreadable", name: candidate.name.clone(), words }, report);
    }

    /// A hook that speaks of a file that is not there speaks of a call without pages.
    async fn ticket_without_file<L: Ledger>(
        &mut self,
        ledger: &L,
        slip: Slip,
        now: Millis,
        report: &mut Report,
    ) -> Result<(), IntakeError> {
        let names = slip.ticket.names_in(&self.spool.path).unwrap_or_default();
        let there = names.iter().any(|name| self.spool.path.join(name).symlink_metadata().is_ok());
        let grace = match (there, self.spool.poll) {
            (true, _) => FORGOTTEN,
            (false, true) => NETWORK_LAG,
            (false, false) => Duration::ZERO,
        };
        let age = now - slip.entry.id.touched();
        if age < millis(grace) {
            if there {
                let words = "it is older than the file that it names: it belongs to a call before".to_owned();
                self.say(Finding { code: "intake.ticket.stale", name: slip.entry.name, words }, report);
            }
            return Ok(());
        }
        let call = slip.ticket.record(&self.spool.call_ids);
        self.note(ledger, call, "the hook named no file that is in the spool", now, report).await?;
        let spool = Arc::clone(&self.spool);
        let path = slip.entry.path.clone();
        self.aside(
            slip.entry.name,
            blocking(move || release::put_tickets_aside(&spool, vec![path])).await,
            report,
        );
        Ok(())
    }

    /// A sidecar alone, after an hour: its recipe ran, but spandsp left no file, for there was no page.
    async fn lone_sidecar<L: Ledger>(
        &mut self,
        ledger: &L,
        entry: Entry,
        record: CallRecord,
        now: Millis,
        report: &mut Report,
    ) -> Result<(), IntakeError> {
        if now - entry.id.touched() < millis(LONE_SIDECAR) {
            return Ok(());
        }
        // Our own receiver puts the record there first, and finishes at its next start what it could not.
        if self.spool.kind == Kind::T38 {
            let words = "its fax is not there: the receiver died between the two and was not started since"
                .to_owned();
            self.say(Finding { code: "intake.t38.unfinished", name: entry.name, words }, report);
            return Ok(());
        }
        self.empty_call(ledger, entry, record, "a sidecar came without its file", now, report).await
    }

    /// A record that speaks of a call without pages is noted, then let go.
    async fn empty_call<L: Ledger>(
        &mut self,
        ledger: &L,
        entry: Entry,
        record: CallRecord,
        otherwise: &str,
        now: Millis,
        report: &mut Report,
    ) -> Result<(), IntakeError> {
        self.note(ledger, record, otherwise, now, report).await?;
        let spool = Arc::clone(&self.spool);
        let name = entry.name.clone();
        self.aside(name, blocking(move || release::put_sidecar_aside(&spool, &entry)).await, report);
        Ok(())
    }

    async fn note<L: Ledger>(
        &self,
        ledger: &L,
        call: CallRecord,
        otherwise: &str,
        now: Millis,
        report: &mut Report,
    ) -> Result<(), IntakeError> {
        let reason = match &call.receipt {
            Receipt::Broken(words) => words.clone(),
            _ => otherwise.to_owned(),
        };
        let noted = ledger.note_call_without_pages(&self.spool.name, &call, &reason, now).await;
        if noted.map_err(IntakeError::Ledger)? {
            metrics::counter!("faxgate_calls_without_pages_total", "spool" => self.spool.name.clone())
                .increment(1);
            report.empty_calls += 1;
        }
        Ok(())
    }

    fn aside(&mut self, name: String, moved: io::Result<()>, report: &mut Report) {
        if let Err(error) = moved {
            let words = format!("it is noted, but cannot be put aside: {error}");
            self.say(Finding { code: "intake.release", name, words }, report);
        }
    }
}

/// Finishes old releases, then looks at the spool. Blocking.
fn look_around(spool: &Spool) -> Result<(Vec<(String, io::Error)>, Survey), IntakeError> {
    let held =
        release::finish(spool).map_err(|source| IntakeError::Folder { path: spool.path.clone(), source })?;
    Ok((held, survey::survey(spool)?))
}

/// What an operator must know of a wait: the code and the words.
fn overdue(reason: Reason, reported: bool, waited: Millis) -> Option<(&'static str, String)> {
    // While HylaFAX receives, nobody else may read its file; once the hook has spoken, it stays so.
    if reason == Reason::Denied && reported {
        return Some((
            "intake.unreadable",
            "its hook reported it, but the gateway may not read it".to_owned(),
        ));
    }
    let words = || format!("it has waited for more than four hours: {}", reason.words());
    (waited >= millis(FORGOTTEN)).then(|| ("intake.forgotten", words()))
}

/// What can be seen of a candidate without reading it.
fn signals(spool: &Spool, candidate: &Candidate, unchanged: Duration) -> io::Result<Signals> {
    let mut lock = Lock::Free;
    for file in &candidate.files {
        match look::lock(&file.path)? {
            Lock::Free => {}
            other => lock = other,
        }
    }
    // 0600 is the mode while HylaFAX receives: it cannot say that a file is finished.
    let finished = spool.finished_mode.filter(|mode| *mode != 0o600);
    Ok(Signals {
        kind: spool.kind,
        ticket_only: spool.ticket_only,
        hook: spool.tickets.is_some(),
        ticket: !candidate.tickets.is_empty(),
        lock,
        mode_reached: finished.map(|mode| candidate.files.iter().all(|file| file.id.mode == mode)),
        // One that is older tells of the call, but its fax may still be on its way. Our own receiver's faxes have their
        // names when they are whole, and not before.
        sidecar: candidate
            .sidecar
            .as_ref()
            .is_some_and(|(one, _)| spool.kind == Kind::T38 || one.id.written() >= candidate.written()),
        bytes: candidate.bytes(),
        unchanged,
        quiet: spool.quiet,
        look: None,
    })
}

/// Reads structure and writers. Only the last page of a group can be unfinished.
fn look_closer(spool: &Spool, candidate: &Candidate) -> io::Result<Look> {
    let inodes: Vec<(u64, u64)> = candidate.files.iter().map(|file| file.id.inode).collect();
    let structure = match candidate.files.last() {
        Some(last) => match look::read_whole(&last.path, spool.most_bytes)? {
            Some((bytes, _)) => {
                let format = match spool.kind {
                    Kind::Mgetty => Format::G3Bundle,
                    Kind::Hylafax | Kind::Drop | Kind::T38 => {
                        crate::decode::sniff(&bytes).unwrap_or(Format::Tiff)
                    }
                };
                look::structure(&bytes, format)
            }
            None => Structure::Broken,
        },
        None => Structure::Broken,
    };
    let writer = if spool.poll {
        match look::writer(&inodes) {
            // Other machines write there too.
            Writer::None => Writer::Unknown,
            seen => seen,
        }
    } else {
        look::writer(&inodes)
    };
    Ok(Look { structure, writer })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reported_fax_that_may_not_be_read_is_spoken_of_at_once() {
        let code = |reason, reported, waited| overdue(reason, reported, waited).map(|(code, _)| code);
        assert_eq!(code(Reason::Denied, true, 0), Some("intake.unreadable"));
        // It is being received.
        assert_eq!(code(Reason::Denied, false, 0), None);
        assert_eq!(code(Reason::Denied, false, millis(FORGOTTEN)), Some("intake.forgotten"));
        assert_eq!(code(Reason::Locked, true, 0), None);
    }
}
