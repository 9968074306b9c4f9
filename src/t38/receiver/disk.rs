//! The disk threads: everything that waits for a disk, so that no call ever does but the one whose page it is.
//!
//! Several, as disks make many fsyncs together as fast as one; a call's jobs stay on one, in order.

use std::fs::File;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::spool::Spool;
use crate::t38::record::Record;

/// How often the spool is looked at, and what could not be finished is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Ends of calls that wait for a disk to get well. What is beyond is found in `.part` at the next start.
const MOST_UNFINISHED: usize = 256;

/// Threads.
const THREADS: usize = 8;

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
        for number in 0..THREADS {
            let (give, work) = mpsc::channel();
            let writer = Writer {
                spool: Arc::clone(&spool),
                least_space,
                trouble: Arc::clone(&trouble),
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
        Ok((Self { jobs, trouble }, Threads(threads)))
    }

    /// Hands over a job. Those of one call are done in order.
    pub fn give(&self, job: Job) {
        let place = job
            .name()
            .bytes()
            .fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        let refused = match self.jobs.get(place % self.jobs.len().max(1)) {
            Some(thread) => thread.send(job).err().map(|mpsc::SendError(job)| job),
            None => Some(job),
        };
        if let Some(Job::Keep { done, .. }) = refused {
            // The thread is gone: no page is durable any more.
            done(false);
        }
    }

    /// Why no new call can be taken; `None`: it can. As it was some seconds ago: nobody waits for a disk here.
    pub fn refuses(&self) -> Option<String> {
        self.trouble.lock().map_or(Some("a disk thread broke".to_owned()), |trouble| trouble.clone())
    }
}

struct Writer {
    spool: Arc<Spool>,
    least_space: u64,
    trouble: Arc<Mutex<Option<String>>>,
    /// Looks after the spool's health: one of the threads does.
    looks: bool,
    unfinished: Vec<Job>,
}

impl Writer {
    fn run(mut self, work: &Receiver<Job>) {
        let mut looked = Instant::now();
        loop {
            let job = work.recv_timeout(LOOK_EVERY.saturating_sub(looked.elapsed()));
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
                }
                for job in std::mem::take(&mut self.unfinished) {
                    end(&self.spool, job, &mut self.unfinished);
                }
            }
            if over {
                return;
            }
        }
    }

    /// Whether there is room, and a file can really be made.
    fn look(&self) {
        let seen = self.spool.room(self.least_space).and_then(|()| self.spool.probe());
        self.say(seen.err().map(|why| why.to_string()));
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
}
