//! Two calls joined by a bad line, in virtual time.

use std::fs;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use faxgate::t38::call::{Call, Event, Mode, Report, Role, STEP, Settings, Why};

/// SplitMix64: a seed, and the same line again.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.roll() % 100 < chance
    }
}

/// What a line does, in per cent of datagrams.
#[derive(Clone, Copy, Default)]
pub struct Weather {
    pub loss: u64,
    pub reorder: u64,
    pub duplicate: u64,
    pub garbage: u64,
}

/// One direction: each datagram takes 30 ms, one that is overtaken 30 ms more.
struct Way {
    dice: Dice,
    weather: Weather,
    under_way: Vec<(Duration, Vec<u8>)>,
}

impl Way {
    fn put(&mut self, now: Duration, datagram: Vec<u8>) {
        let weather = self.weather;
        if self.dice.percent(weather.garbage) {
            let noise = self.garbage(&datagram);
            self.under_way.push((now + Duration::from_millis(30), noise));
        }
        if self.dice.percent(weather.loss) {
            return;
        }
        let late = if self.dice.percent(weather.reorder) { 60 } else { 30 };
        if self.dice.percent(weather.duplicate) {
            self.under_way.push((now + Duration::from_millis(45), datagram.clone()));
        }
        self.under_way.push((now + Duration::from_millis(late), datagram));
    }

    /// Random bytes, or a piece of the datagram.
    fn garbage(&mut self, datagram: &[u8]) -> Vec<u8> {
        let length = (self.dice.roll() % 200) as usize;
        if self.dice.percent(50) {
            return (0..length).map(|_| self.dice.roll() as u8).collect();
        }
        let cut = (self.dice.roll() as usize) % datagram.len().max(1);
        datagram[..cut].to_vec()
    }

    fn take(&mut self, now: Duration) -> Vec<Vec<u8>> {
        let (due, later) = self.under_way.drain(..).partition(|(at, _)| *at <= now);
        self.under_way = later;
        let mut due: Vec<(Duration, Vec<u8>)> = due;
        due.sort_by_key(|(at, _)| *at);
        due.into_iter().map(|(_, datagram)| datagram).collect()
    }
}

/// When a page is durable.
#[derive(Clone, Copy)]
pub enum Disk {
    After(Duration),
    Never,
    Fails,
}

/// A file in memory, and its path for spandsp.
pub struct MemoryFile(OwnedFd);

impl MemoryFile {
    pub fn new(bytes: &[u8]) -> Self {
        let fd = rustix::fs::memfd_create("fax", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let mut file = fs::File::from(fd);
        file.write_all(bytes).unwrap();
        Self(file.into())
    }

    pub fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.0.as_raw_fd())
    }

    pub fn read(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }
}

/// A call to be played.
pub struct Play {
    pub sender: Role,
    pub receiver: Role,
    pub modes: (Mode, Mode),
    pub weather: Weather,
    pub seed: u64,
    pub disk: Disk,
    pub settings: Settings,
    /// From then till then, every datagram of the sender has three wrong bytes in its image data.
    pub storm: Option<(Duration, Duration)>,
    /// What the sender says in the 20 ms from then on is lost.
    pub lost_at: Option<Duration>,
    /// From then till then the sender's G.711 is silence (A-law).
    pub muted: Option<(Duration, Duration)>,
    /// The sender hangs up then, and the receiver is told.
    pub hang_up: Option<Duration>,
}

/// How it went.
pub struct Played {
    pub sent: Report,
    pub received: Report,
    pub file: Vec<u8>,
    /// The file as it was after each page.
    pub after_pages: Vec<Vec<u8>>,
    /// When the sender was told of each page.
    pub told: Vec<Duration>,
    /// When each page was in the receiver's file.
    pub kept: Vec<Duration>,
    pub took: Duration,
}

/// Virtual time after which a call hangs: longer than any watchdog in it.
pub const HANGS: Duration = Duration::from_secs(3 * 3600 + 60);

pub fn play(tiff: &[u8], play: Play) -> Played {
    let original = MemoryFile::new(tiff);
    let output = MemoryFile::new(b"");
    let zero = Duration::ZERO;
    let new = |mode, role, path: &str| Call::new(mode, role, path, play.settings.clone(), zero).unwrap();
    let mut sender = new(play.modes.0, play.sender, &original.path());
    let mut receiver = new(play.modes.1, play.receiver, &output.path());
    let way = |seed| Way { dice: Dice(seed), weather: play.weather, under_way: Vec::new() };
    let (mut forth, mut back) = (way(play.seed), way(play.seed ^ 0x5555));
    let mut confirm: Vec<(Duration, usize)> = Vec::new();
    let (mut after_pages, mut told, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let mut now = zero;
    loop {
        now += STEP;
        assert!(now < HANGS, "the call hangs");
        for datagram in back.take(now) {
            sender.datagram(now, &datagram);
        }
        for datagram in forth.take(now) {
            receiver.datagram(now, &datagram);
        }
        sender.tick(now);
        receiver.tick(now);
        while let Some(event) = receiver.event() {
            if let Event::PageReceived(page) = event {
                after_pages.push(output.read());
                kept.push(now);
                match play.disk {
                    Disk::After(wait) => confirm.push((now + wait, page.report.index)),
                    Disk::Fails => receiver.not_durable(page.report.index),
                    Disk::Never => {}
                }
            }
        }
        confirm.retain(|(at, page)| {
            if *at <= now {
                receiver.confirm(*page);
            }
            *at > now
        });
        while let Some(event) = sender.event() {
            if matches!(event, Event::PageSent(_)) {
                told.push(now);
            }
        }
        let storm = play.storm.is_some_and(|(from, till)| (from..till).contains(&now));
        while let Some(mut datagram) = sender.send() {
            for _ in 0..if storm && datagram.len() > 20 { 3 } else { 0 } {
                let at = 12 + (forth.dice.roll() as usize) % (datagram.len() - 16);
                datagram[at] ^= forth.dice.roll() as u8 | 1;
            }
            if play.muted.is_some_and(|(from, till)| (from..till).contains(&now)) {
                datagram[12..].fill(0xD5);
            }
            if play.lost_at.is_none_or(|at| now < at || now >= at + STEP) {
                forth.put(now, datagram);
            }
        }
        while let Some(datagram) = receiver.send() {
            back.put(now, datagram);
        }
        let hung_up = play.hang_up.is_some_and(|at| now >= at);
        if hung_up || (sender.ended().is_some() && receiver.ended().is_some()) {
            break;
        }
    }
    let (sent, received) = (sender.finish(), receiver.finish());
    Played { sent, received, file: output.read(), after_pages, told, kept, took: now }
}

/// Whether a call's end is by T.30 with code 0.
pub fn went_well(report: &Report) -> bool {
    report.why == Some(Why::PhaseE(0))
}
