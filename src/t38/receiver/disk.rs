//! The disk threads: everything that waits for a disk, so that no call ever does but the one whose page it is.
//!
//! Several, as disks make many fsyncs together as fast as one; a call's jobs stay on one, in order.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::spool::Spool;
use crate::t38::record::Record;

/// How often the spool is looked at, and what could not be finished is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Ends of calls that wait for a disk to get well, with their memory. What is beyond is finished from `.part`.
const MOST_UNFINISHED: usize = 256;

/// Threads.
const THREADS: usize = 8;
/// A disk that takes longer for one job is ill, and no call is taken until it is well.
const ILL_AFTER: Duration = Duration::from_secs(10);
/// Ends of calls that may wait for a disk before no more calls are taken: each holds its fax in memory.
const MOST_WAITING: usize = 64;

/// Something for the disk.
pub enum Job {
    /// A page ended: make it durable, then say whether it is.
    Keep {
        /// The call's name.
        name: String,
        /// Its TIFF.
        memory: Arc<File>,
        /// What is known of it, its pages counted with this one.
        record: Box<Record>,
        /// Told whether the page is on the disk.
        done: Box<dyn FnOnce(bool) + Send>,
    },
    /// A call ended.
    Finish {
        /// The call's name.
        name: String,
        /// Its TIFF, if it has a page.
        memory: Option<Arc<File>>,
        /// All that is known of it.
        record: Box<Record>,
    },
}

impl Job {
    fn name(&self) -> &str {
        match self {
            Self::Keep { name, .. } | Self::Finish { name, .. } => name,
        }
    }
}

/// The disk threads, as others see them. Cheap to clone.
#[derive(Clone)]
pub struct Disk {
    jobs: Vec<Sender<Job>>,
    trouble: Arc<Mutex<Option<String>>>,
    pulse: Arc<Pulse>,
}

/// What the threads are at.
struct Pulse {
    began: Instant,
    /// For each thread: milliseconds since `began` at which it took up its job, 1 at least; 0: it waits for one.
    busy_since: Vec<AtomicU64>,
    /// Jobs given and not done.
    waiting: AtomicUsize,
    /// A thread ended before its time.
    broken: AtomicBool,
}

impl Pulse {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn busy(&self, thread: usize, since: u64) {
        if let Some(place) = self.busy_since.get(thread) {
            place.store(since, Ordering::Relaxed);
        }
    }

    fn trouble(&self) -> Option<String> {
        if self.broken.load(Ordering::Relaxed) {
            return Some("a disk thread broke: restart the receiver".to_owned());
        }
        let now = self.now();
        let ill = self
            .busy_since
            .iter()
            .map(|since| since.load(Ordering::Relaxed))
            .any(|since| since > 0 && u128::from(now.saturating_sub(since)) > ILL_AFTER.as_millis());
        if ill {
            return Some("the disk does not answer".to_owned());
        }
        let waiting = self.waiting.load(Ordering::Relaxed);
        (waiting > MOST_WAITING).then(|| format!("{waiting} pages and ends of calls wait for the disk"))
    }
}

/// Says that a thread broke unless it ended as it should.
struct Guard {
    pulse: Arc<Pulse>,
    over: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.over {
            self.pulse.broken.store(true, Ordering::Relaxed);
            tracing::error!("a disk thread broke");
        }
    }
}

/// The threads, to be waited for once every [`Disk`] is gone.
pub struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    /// Waits until all jobs are done. `false`: a thread broke.
    pub fn join(self) -> bool {
        let broken = self.0.into_iter().filter_map(|thread| thread.join().err()).count();
        broken == 0
    }
}

impl Disk {
    /// Starts the threads. They end when every clone is gone and their jobs are done.
    pub fn start(spool: Spool, least_space: u64) -> io::Result<(Self, Threads)> {
        let spool = Arc::new(spool);
        let trouble = Arc::new(Mutex::new(None));
        let (mut jobs, mut threads) = (Vec::new(), Vec::new());
        let pulse = Arc::new(Pulse {
            began: Instant::now(),
            busy_since: (0..THREADS).map(|_| AtomicU64::new(0)).collect(),
            waiting: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
        });
        for number in 0..THREADS {
            let (give, work) = mpsc::channel();
            let writer = Writer {
                spool: Arc::clone(&spool),
                least_space,
                trouble: Arc::clone(&trouble),
                number,
                pulse: Arc::clone(&pulse),
                looks: number == 0,
                unfinished: Vec::new(),
            };
            if writer.looks {
                writer.look();
            }
            let thread = std::thread::Builder::new()
                .name(format!("t38-disk-{number}"))
                .spawn(move || writer.run(&work))?;
            jobs.push(give);
            threads.push(thread);
        }
        Ok((Self { jobs, trouble, pulse }, Threads(threads)))
    }

    /// Hands over a job. Those of one call are done in order.
    pub fn give(&self, job: Job) {
        let place = job
            .name()
            .bytes()
            .fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        self.pulse.waiting.fetch_add(1, Ordering::Relaxed);
        let refused = match self.jobs.get(place % self.jobs.len().max(1)) {
            Some(thread) => thread.send(job).err().map(|mpsc::SendError(job)| job),
            None => Some(job),
        };
        // The thread is gone: no page is durable any more, and what a call left is found in `.part` at the next start.
        match refused {
            Some(Job::Keep { done, .. }) => done(false),
            Some(Job::Finish { name, .. }) => {
                tracing::error!(call = name, "a call's end cannot be written: a disk thread broke");
            }
            None => {}
        }
    }

    /// Why no new call can be taken; `None`: it can. As it was some seconds ago: nobody waits for a disk here.
    pub fn refuses(&self) -> Option<String> {
        let seen =
            self.trouble.lock().map_or(Some("a disk thread broke".to_owned()), |trouble| trouble.clone());
        seen.or_else(|| self.pulse.trouble())
    }
}

struct Writer {
    spool: Arc<Spool>,
    least_space: u64,
    trouble: Arc<Mutex<Option<String>>>,
    number: usize,
    pulse: Arc<Pulse>,
    /// Looks after the spool's health: one of the threads does.
    looks: bool,
    unfinished: Vec<Job>,
}

impl Writer {
    fn run(mut self, work: &Receiver<Job>) {
        let mut looked = Instant::now();
        let mut guard = Guard { pulse: Arc::clone(&self.pulse), over: false };
        loop {
            self.pulse.busy(self.number, 0);
            let job = work.recv_timeout(LOOK_EVERY.saturating_sub(looked.elapsed()));
            self.pulse.busy(self.number, self.pulse.now());
            if job.is_ok() {
                self.pulse.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            let over = matches!(job, Err(RecvTimeoutError::Disconnected));
            match job {
                Ok(Job::Keep { name, memory, record, done }) => {
                    let kept = self.spool.keep(&name, &memory, &record);
                    if let Err(error) = &kept {
                        tracing::error!(call = name, %error, "a page cannot be put on the disk: its call ends unconfirmed");
                        self.say(Some(format!("a page could not be put on the disk: {error}")));
                    }
                    done(kept.is_ok());
                }
                Ok(finish) => end(&self.spool, finish, &mut self.unfinished),
                Err(_) => {}
            }
            if over || looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                if self.looks {
                    self.look();
                    self.finish_what_was_left();
                }
                for job in std::mem::take(&mut self.unfinished) {
                    end(&self.spool, job, &mut self.unfinished);
                }
            }
            if over {
                guard.over = true;
                return;
            }
        }
    }

    /// Whether there is room, and a file can really be made.
    fn look(&self) {
        let seen = self.spool.room(self.least_space).and_then(|()| self.spool.probe());
        self.say(seen.err().map(|why| why.to_string()));
    }

    fn finish_what_was_left(&self) {
        for (name, finished) in self.spool.retry() {
            match finished {
                Ok(one) => tracing::info!(call = name, pages = one.pages, "a call that was left is finished"),
                Err(error) => {
                    tracing::warn!(call = name, %error, "a call that was left still cannot be finished")
                }
            }
        }
    }

    fn say(&self, now: Option<String>) {
        let Ok(mut before) = self.trouble.lock() else { return };
        match (&*before, &now) {
            (None, Some(why)) => tracing::error!(%why, "no calls are taken until the spool is well"),
            (Some(_), None) => tracing::info!("the spool is well again: calls are taken"),
            _ => {}
        }
        *before = now;
    }
}

/// Puts a finished call into the spool, or remembers it for later.
fn end(spool: &Spool, job: Job, unfinished: &mut Vec<Job>) {
    let Job::Finish { name, memory, record } = job else { return };
    match spool.finish(&name, memory.as_deref(), &record) {
        Ok(()) => {
            tracing::info!(
                call = name,
                trunk = record.device,
                pages = record.pages,
                code = record.result_code,
                partial = record.partial,
                seconds = record.seconds,
                "call finished"
            );
        }
        Err(error) => {
            tracing::error!(call = name, %error, "a finished call cannot be put into the spool; it is tried again");
            if unfinished.len() < MOST_UNFINISHED {
                unfinished.push(Job::Finish { name, memory, record });
            } else {
                spool.leave(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tiff::tests::fax;
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn a_call_whose_end_cannot_be_written_is_finished_once_the_disk_is_well() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let memory = tempfile::tempfile().unwrap();
        memory.write_all_at(&fax(&[b"one"]), 0).unwrap();
        let record = Box::new(Record { pages: 1, ..Record::default() });
        let mut unfinished = Vec::new();
        let part = folder.path().join(".part");
        std::fs::remove_dir(&part).unwrap();
        let job = Job::Finish { name: "a".into(), memory: Some(Arc::new(memory)), record };
        end(&spool, job, &mut unfinished);
        assert_eq!(unfinished.len(), 1);
        std::fs::create_dir(&part).unwrap();
        let job = unfinished.remove(0);
        end(&spool, job, &mut unfinished);
        assert!(unfinished.is_empty());
        assert_eq!(std::fs::read(folder.path().join("a.tif")).unwrap(), fax(&[b"one"]));
    }

    #[test]
    fn a_page_that_is_not_durable_is_said_to_be_so() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, threads) = Disk::start(Spool::open(folder.path()).unwrap(), 1).unwrap();
        assert_eq!(disk.refuses(), None);
        let keep = |name: &str| {
            let memory = tempfile::tempfile().unwrap();
            memory.write_all_at(&fax(&[b"one"]), 0).unwrap();
            let (tell, told) = mpsc::channel();
            disk.give(Job::Keep {
                name: name.to_owned(),
                memory: Arc::new(memory),
                record: Box::new(Record { pages: 1, ..Record::default() }),
                done: Box::new(move |kept| tell.send(kept).unwrap()),
            });
            told.recv().unwrap()
        };
        assert!(keep("a"));
        assert!(folder.path().join(".part/a.tif").exists());
        std::fs::remove_dir_all(folder.path().join(".part")).unwrap();
        assert!(!keep("b"));
        assert!(disk.refuses().is_some());
        drop(disk);
        assert!(threads.join());
    }

    #[test]
    fn a_disk_that_does_not_answer_is_told() {
        let pulse = Pulse {
            began: Instant::now() - Duration::from_secs(60),
            busy_since: vec![AtomicU64::new(0), AtomicU64::new(0)],
            waiting: AtomicUsize::new(MOST_WAITING),
            broken: AtomicBool::new(false),
        };
        pulse.busy(1, pulse.now());
        assert_eq!(pulse.trouble(), None);
        pulse.busy(1, 1);
        assert!(pulse.trouble().unwrap().contains("does not answer"));
        pulse.busy(1, 0);
        pulse.waiting.fetch_add(1, Ordering::Relaxed);
        assert!(pulse.trouble().unwrap().contains("wait for the disk"));
        pulse.broken.store(true, Ordering::Relaxed);
        assert!(pulse.trouble().unwrap().contains("broke"));
    }
}
