//! Media threads: each owns its calls, and ticks them every 20 ms by the clock.
//!
//! - A call is made, used and closed on one thread; others send it orders and hear its news.
//! - A thread never waits for a disk: a received TIFF grows in memory, and the disk thread copies it from there.
//! - A late tick is made up for by the calls themselves, never skipped. How late the latest was is measured.
//! - More threads than cores: the end of a page costs some milliseconds of work, and the scheduler then lets other threads'
//!   calls go on.

mod line;
mod peer;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::disk::Disk;
use crate::t38::call::{self, Mode, Report, Role, Why};
use crate::t38::record::{Packets, Record};
use crate::t38::sip::{CallKey, Net};
use line::Line;

/// A tick of all calls of a thread.
pub const TICK: Duration = Duration::from_millis(20);

/// What a call needs to begin.
pub struct Begin {
    /// Its name everywhere.
    pub call: CallKey,
    /// The name of its files.
    pub name: String,
    /// Its socket, which never blocks.
    pub socket: UdpSocket,
    /// Where the peer said it is.
    pub peer: SocketAddr,
    /// Where else its packets may come from.
    pub networks: Arc<[Net]>,
    /// T.38 or audio.
    pub mode: Mode,
    /// Receiving or sending.
    pub role: Role,
    /// Watchdogs.
    pub settings: call::Settings,
    /// What signalling knows.
    pub record: Record,
    /// The file to send; `None`: one is received.
    pub file: Option<PathBuf>,
    /// For tries: drop so many of a thousand packets, both ways.
    pub loss: u32,
}

/// What others want of a call.
pub enum Order {
    /// Begin.
    Begin(Box<Begin>),
    /// From audio to T.38, on a new socket.
    Switch {
        /// Which call.
        call: CallKey,
        /// The new socket.
        socket: UdpSocket,
        /// Where the peer is now.
        peer: SocketAddr,
        /// How T.38 is spoken.
        terms: call::T38Terms,
    },
    /// The peer acknowledged our answer: it may be sent to.
    Confirmed {
        /// Which call.
        call: CallKey,
    },
    /// The peer's address changed.
    Redirect {
        /// Which call.
        call: CallKey,
        /// Where it is now.
        peer: SocketAddr,
    },
    /// The disk thread has done a page.
    Durable {
        /// Which call.
        call: CallKey,
        /// Which page, from 0.
        page: usize,
        /// It is on the disk.
        kept: bool,
    },
    /// The call is over, whatever it was doing.
    End {
        /// Which call.
        call: CallKey,
        /// Why, if T.30 does not know better.
        why: &'static str,
    },
}

impl Order {
    fn call(&self) -> CallKey {
        match self {
            Self::Begin(begin) => begin.call,
            Self::Switch { call, .. }
            | Self::Confirmed { call }
            | Self::Redirect { call, .. }
            | Self::Durable { call, .. }
            | Self::End { call, .. } => *call,
        }
    }
}

/// What a call tells.
#[derive(Debug)]
pub enum News {
    /// Audio: offer T.38 now.
    FaxHeard(CallKey),
    /// A page is on the disk, or was sent and answered.
    Page(CallKey),
    /// The two machines agreed.
    Negotiated(CallKey),
    /// [`Order::Switch`] came when a fax was under way already: hang up.
    TooLate(CallKey),
    /// T.30 or a watchdog says that the call is over: hang up.
    Over(CallKey, Why),
    /// The call is closed; the last of it.
    Finished(Box<Finished>),
}

/// A closed call.
#[derive(Debug)]
pub struct Finished {
    /// Which.
    pub call: CallKey,
    /// T.30's and the network's report; `None`: T.30 could not be set up.
    pub report: Option<Report>,
    /// What came over the network.
    pub packets: Packets,
    /// What was written, for a received one.
    pub record: Record,
}

/// The threads.
pub struct Workers {
    threads: Vec<(Sender<Work>, JoinHandle<()>)>,
    pulse: Arc<Pulse>,
}

enum Work {
    Order(Order),
    Stop,
}

/// How the threads do.
#[derive(Debug)]
pub struct Pulse {
    began: Instant,
    /// Microseconds by which the latest tick was late: since the start, and since last asked.
    longest: AtomicU64,
    lately: AtomicU64,
    /// When each thread last had a look, milliseconds since `began`.
    beats: Vec<AtomicU64>,
}

impl Pulse {
    /// Time since the start: what calls and the agent count in.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// How late the latest tick was.
    pub fn longest_lag(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }

    /// How late the latest tick was since this was last asked.
    pub fn lag_lately(&self) -> Duration {
        Duration::from_micros(self.lately.swap(0, Ordering::Relaxed))
    }

    /// Every thread looked at its calls within this time.
    pub fn beats_within(&self, limit: Duration) -> bool {
        let now = self.now();
        let late = |beat: &AtomicU64| now.saturating_sub(Duration::from_millis(beat.load(Ordering::Relaxed)));
        self.beats.iter().all(|beat| late(beat) <= limit)
    }

    fn late(&self, by: Duration) {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        self.longest.fetch_max(micros, Ordering::Relaxed);
        self.lately.fetch_max(micros, Ordering::Relaxed);
    }

    fn beat(&self, thread: usize) {
        if let Some(beat) = self.beats.get(thread) {
            beat.store(u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

impl Workers {
    /// Starts so many threads. `disk` is where received pages go.
    pub fn start(count: usize, disk: Option<Disk>, news: &UnboundedSender<News>) -> io::Result<Self> {
        let count = count.max(1);
        let pulse = Arc::new(Pulse {
            began: Instant::now(),
            longest: AtomicU64::new(0),
            lately: AtomicU64::new(0),
            beats: (0..count).map(|_| AtomicU64::new(0)).collect(),
        });
        let mut threads = Vec::new();
        for number in 0..count {
            let (orders, work) = mpsc::channel();
            let thread = Thread {
                number,
                work,
                me: orders.clone(),
                lines: HashMap::new(),
                disk: disk.clone(),
                news: news.clone(),
                pulse: Arc::clone(&pulse),
            };
            let handle = std::thread::Builder::new()
                .name(format!("t38-media-{number}"))
                .spawn(move || thread.run())?;
            threads.push((orders, handle));
        }
        Ok(Self { threads, pulse })
    }

    /// How they do.
    pub fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// Gives an order to the thread whose call it is. `false`: that thread is gone.
    pub fn order(&self, order: Order) -> bool {
        let place = usize::try_from(order.call().0).unwrap_or(0) % self.threads.len().max(1);
        self.threads.get(place).is_some_and(|(orders, _)| orders.send(Work::Order(order)).is_ok())
    }
}

impl Drop for Workers {
    /// Calls in progress are dropped: whoever wants them closed says so before.
    fn drop(&mut self) {
        for (orders, _) in &self.threads {
            // A thread that is gone needs no telling.
            let _ = orders.send(Work::Stop);
        }
        for (_, thread) in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a media thread broke");
            }
        }
    }
}

struct Thread {
    number: usize,
    work: Receiver<Work>,
    /// For the disk thread's answers.
    me: Sender<Work>,
    lines: HashMap<CallKey, Line>,
    disk: Option<Disk>,
    news: UnboundedSender<News>,
    pulse: Arc<Pulse>,
}

impl Thread {
    fn run(mut self) {
        let mut buffer = vec![0; crate::t38::udptl::MOST_DATAGRAM];
        let mut due = Instant::now();
        loop {
            match self.work.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(Work::Order(order)) => {
                    self.obey(order);
                    continue;
                }
                Ok(Work::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let late = Instant::now().saturating_duration_since(due);
            if !self.lines.is_empty() {
                self.pulse.late(late);
            }
            self.pulse.beat(self.number);
            // Late calls make up for it by themselves; ticks that were missed are not held again.
            due = (due + TICK).max(Instant::now());
            self.tick(&mut buffer);
        }
    }

    fn tick(&mut self, buffer: &mut [u8]) {
        let mut over = Vec::new();
        for (key, line) in &mut self.lines {
            let now = self.pulse.now();
            line.tick(now, buffer, &mut |told| match told {
                line::Told::News(news) => {
                    let _ = self.news.send(news);
                }
                line::Told::Page { page, name, memory, record } => match &self.disk {
                    Some(disk) => {
                        let (me, call) = (self.me.clone(), *key);
                        let done = Box::new(move |kept| {
                            let _ = me.send(Work::Order(Order::Durable { call, page, kept }));
                        });
                        disk.give(super::disk::Job::Keep { name, memory, record, done });
                    }
                    None => {
                        let _ = self.me.send(Work::Order(Order::Durable { call: *key, page, kept: false }));
                    }
                },
            });
            if line.expired(now) {
                over.push(*key);
            }
        }
        for key in over {
            self.close(key, "the call did not end in time");
        }
    }

    fn obey(&mut self, order: Order) {
        let now = self.pulse.now();
        match order {
            Order::Begin(begin) => {
                let call = begin.call;
                match Line::begin(*begin, now) {
                    Ok(line) => {
                        self.lines.insert(call, line);
                    }
                    Err(failed) => self.unbegun(call, *failed),
                }
            }
            Order::Switch { call, socket, peer, terms } => {
                if let Some(line) = self.lines.get_mut(&call)
                    && !line.switch(socket, peer, terms, now)
                {
                    let _ = self.news.send(News::TooLate(call));
                }
            }
            Order::Confirmed { call } => {
                if let Some(line) = self.lines.get_mut(&call) {
                    line.open(now);
                }
            }
            Order::Redirect { call, peer } => {
                if let Some(line) = self.lines.get_mut(&call) {
                    line.redirect(peer);
                }
            }
            Order::Durable { call, page, kept } => {
                if let Some(line) = self.lines.get_mut(&call) {
                    line.durable(page, kept);
                    if kept {
                        let _ = self.news.send(News::Page(call));
                    }
                }
            }
            Order::End { call, why } => self.close(call, why),
        }
    }

    /// Closes a call: what is in its file goes to the disk, and its report to who waits for it.
    fn close(&mut self, call: CallKey, why: &'static str) {
        let Some(line) = self.lines.remove(&call) else { return };
        let ended = line.end(why);
        if let (Some(disk), Some(memory)) = (&self.disk, ended.memory) {
            let memory = (ended.record.pages > 0).then_some(memory);
            let record = Box::new(ended.record.clone());
            disk.give(super::disk::Job::Finish { name: ended.name, memory, record });
        }
        let _ = self.news.send(News::Finished(Box::new(Finished {
            call,
            report: Some(ended.report),
            packets: ended.packets,
            record: ended.record,
        })));
    }

    /// T.30 could not be set up: the call is told so, and counted.
    fn unbegun(&mut self, call: CallKey, (name, record): (String, Record)) {
        if let Some(disk) = &self.disk {
            disk.give(super::disk::Job::Finish { name, memory: None, record: Box::new(record.clone()) });
        }
        let packets = Packets::default();
        let _ = self.news.send(News::Finished(Box::new(Finished { call, report: None, packets, record })));
    }
}

/// A file in memory that spandsp can write by name.
fn memory() -> io::Result<(Arc<File>, String)> {
    use std::os::fd::AsRawFd;
    let file = File::from(rustix::fs::memfd_create("fax", rustix::fs::MemfdFlags::CLOEXEC)?);
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok((Arc::new(file), path))
}
