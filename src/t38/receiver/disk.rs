//! The disk thread: everything that waits for a disk, so that no call ever does but the one whose page it is.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::spool::Spool;
use crate::t38::record::Record;

/// How often the spool is looked at, and what could not be finished is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Ends of calls that wait for a disk to get well. What is beyond is found in `.part` at the next start.
const MOST_UNFINISHED: usize = 256;

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

/// The disk thread, as others see it. Cheap to clone.
#[derive(Clone)]
pub struct Disk {
    jobs: Sender<Job>,
    well: Arc<AtomicBool>,
    spool: Arc<Spool>,
    least_space: u64,
}

impl Disk {
    /// Starts the thread. It ends when every clone is gone and its jobs are done.
    pub fn start(spool: Spool, least_space: u64) -> io::Result<(Self, JoinHandle<()>)> {
        let (jobs, work) = mpsc::channel();
        let spool = Arc::new(spool);
        let well = Arc::new(AtomicBool::new(spool.probe().is_ok()));
        let (its_spool, its_well) = (Arc::clone(&spool), Arc::clone(&well));
        let thread = std::thread::Builder::new()
            .name("t38-disk".to_owned())
            .spawn(move || run(&its_spool, &work, &its_well))?;
        Ok((Self { jobs, well, spool, least_space }, thread))
    }

    /// Hands over a job.
    pub fn give(&self, job: Job) {
        if let Err(mpsc::SendError(job)) = self.jobs.send(job) {
            // The thread is gone: no page is durable any more.
            if let Job::Keep { done, .. } = job {
                done(false);
            }
        }
    }

    /// Why no new call can be taken; `None`: it can.
    pub fn refuses(&self) -> Option<String> {
        if let Err(why) = self.spool.room(self.least_space) {
            return Some(why.to_string());
        }
        (!self.well.load(Ordering::Relaxed)).then(|| "the spool cannot be written".to_owned())
    }
}

fn run(spool: &Spool, work: &Receiver<Job>, well: &AtomicBool) {
    let mut unfinished = Vec::new();
    let mut looked = Instant::now();
    loop {
        let job = work.recv_timeout(LOOK_EVERY.saturating_sub(looked.elapsed()));
        let over = matches!(job, Err(RecvTimeoutError::Disconnected));
        match job {
            Ok(Job::Keep { name, memory, record, done }) => {
                let kept = spool.keep(&name, &memory, &record);
                if let Err(error) = &kept {
                    tracing::error!(call = name, %error, "a page cannot be put on the disk: its call ends unconfirmed");
                    well.store(false, Ordering::Relaxed);
                }
                done(kept.is_ok());
            }
            Ok(finish) => end(spool, finish, &mut unfinished),
            Err(_) => {}
        }
        if over || looked.elapsed() >= LOOK_EVERY {
            looked = Instant::now();
            let seen = spool.probe();
            let before = well.swap(seen.is_ok(), Ordering::Relaxed);
            if let (true, Err(why)) = (before, &seen) {
                tracing::error!(%why, "no calls are taken until the spool can be written again");
            }
            for job in std::mem::take(&mut unfinished) {
                end(spool, job, &mut unfinished);
            }
        }
        if over {
            return;
        }
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
        let (disk, thread) = Disk::start(Spool::open(folder.path()).unwrap(), 1).unwrap();
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
        thread.join().unwrap();
    }
}
