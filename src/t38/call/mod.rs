//! One fax call's media as a machine without sockets: session, UDPTL or RTP, watchdogs, and pages confirmed only when they are
//! durable.
//!
//! - Pure and in virtual time: `now` is passed in, datagrams go in and come out. T.30's time is fed from `now` in steps of
//!   20 ms; a late tick is made up for, never skipped.
//! - After [`Event::PageReceived`] the session stands still: nothing is fed to it, no time passes for it, what it wants to say
//!   stays inside, until [`Call::confirm`]. So MCF leaves only after the page is on the disk. If that takes longer than
//!   [`Settings::durable_wait`], the call ends and the page was never confirmed.
//! - What the peer repeats meanwhile, as it got no answer, is not fed to T.30, which would answer it once too often. The answer
//!   goes out when the peer is silent: it speaks and hears in turn.
//! - IFPs are numbered anew for spandsp, which throws a stream that begins again away as late; loss is a gap in our numbers.
//! - spandsp can wait for ever after loss (measured: 20 minutes and more): the watchdogs in [`Settings`] end every call.
//! - A page that spandsp would confirm but did not keep ends the call before it is confirmed.
//!
//! Standards: ITU-T T.30, T.38; RTP for the G.711 way (RFC 3550, RFC 3551).
//!
//! What real machines do otherwise: gateways send nothing at all between the end of a page and our answer, RTP stragglers come
//! to the T.38 port after the switch, and some stop sending for good before DCN.

mod media;
mod repeats;
mod report;
mod terms;

use core::time::Duration;
use std::collections::VecDeque;

use media::Media;
pub use media::{AudioTerms, T38Terms};
use repeats::Repeats;
pub use report::{Page, Report};
pub use terms::{Event, Mode, Role, Settings, Why};

use crate::t38::session::{self, Facts, MOST_ROWS, NotSetUp, PageReport, Session};
use crate::t38::udptl;

/// One step of T.30's time: 20 ms.
pub const STEP: Duration = Duration::from_millis(20);
/// Samples of 8 kHz in a step.
const STEP_SAMPLES: u32 = 160;
/// Datagrams that may wait to be sent: the newest is dropped beyond it. Two seconds of a burst.
const MOST_OUT: usize = 1024;
/// Events that may wait to be taken.
const MOST_EVENTS: usize = 4096;
/// How long the answer to a page that is durable waits for the end of what the peer says: a command takes up to 3 s.
const MOST_TALK: Duration = Duration::from_secs(4);
/// The largest gap in the numbers of IFPs that spandsp is told of: beyond some 2000 it is a gap no more.
const MOST_TOLD: u32 = 1000;
/// RTP's payload of 20 ms of G.711 that says nothing is still sent while we stand still.
const SILENCE: [i16; STEP_SAMPLES as usize] = [0; STEP_SAMPLES as usize];

/// Pages that wait for the disk.
struct Waiting {
    page: usize,
    since: Duration,
    /// Since when it is durable: the answer waits for the peer's silence.
    durable: Option<Duration>,
}

/// One call.
pub struct Call {
    media: Media,
    session: Session,
    role: Role,
    path: String,
    settings: Settings,
    events: VecDeque<Event>,
    out: VecDeque<Vec<u8>>,
    pages: Vec<Page>,
    waiting: Option<Waiting>,
    ended: Option<Why>,
    started: Duration,
    /// Up to where T.30's time was fed.
    fed: Duration,
    heard_any: bool,
    last_packet: Duration,
    last_progress: Duration,
    pulse: session::Pulse,
    negotiated: bool,
    offered: bool,
    /// IFPs, or frames of audio, lost since the page began.
    lost: u64,
    /// What came while a page waited for the disk.
    repeats: Repeats,
    /// The number of the IFP fed last.
    seq: u16,
    now: Duration,
}

impl Call {
    /// A call that begins now. `path` is the TIFF to write or to send; it may be `/proc/self/fd/N`.
    ///
    /// # Errors
    /// [`NotSetUp`] where spandsp has no memory or the path is too long for it.
    pub fn new(
        mode: Mode,
        role: Role,
        path: &str,
        settings: Settings,
        now: Duration,
    ) -> Result<Self, NotSetUp> {
        let session = begin(&mode, &role, path)?;
        Ok(Self {
            media: Media::new(mode),
            session,
            role,
            path: path.to_owned(),
            settings,
            events: VecDeque::new(),
            out: VecDeque::new(),
            pages: Vec::new(),
            waiting: None,
            ended: None,
            started: now,
            fed: now,
            heard_any: false,
            last_packet: now,
            last_progress: now,
            pulse: session::Pulse::default(),
            negotiated: false,
            offered: false,
            lost: 0,
            repeats: Repeats::default(),
            seq: 0,
            now,
        })
    }

    /// A datagram from the peer, its source already checked.
    pub fn datagram(&mut self, now: Duration, bytes: &[u8]) {
        if self.ended.is_some() {
            return;
        }
        self.now = self.now.max(now);
        if self.media.accept(now, bytes) {
            self.heard_any = true;
            self.last_packet = self.now;
        }
        self.hear();
    }

    /// Lets time pass: call it every 20 ms.
    pub fn tick(&mut self, now: Duration) {
        if self.ended.is_some() {
            return;
        }
        self.now = self.now.max(now);
        self.hear();
        if let Some(waiting) = &self.waiting {
            let late = self.now.saturating_sub(waiting.since) > self.settings.durable_wait;
            if late && waiting.durable.is_none() {
                self.end(Why::NotDurable);
            } else {
                self.stand_still();
                self.go_on();
            }
            return;
        }
        while self.waiting.is_none() && self.ended.is_none() && self.fed + STEP <= self.now {
            self.fed += STEP;
            self.step();
        }
        self.watch();
    }

    /// The next datagram for the peer.
    pub fn send(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// The next event.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The page is on the disk: the answer to it may go out and the call goes on.
    pub fn confirm(&mut self, page: usize) {
        if matches!(self.ended, None | Some(Why::PhaseE(_))) {
            for kept in self.pages.iter_mut().filter(|kept| kept.report.index <= page) {
                kept.confirmed = true;
            }
        }
        if self.ended.is_none()
            && let Some(waiting) = self.waiting.as_mut().filter(|waiting| page >= waiting.page)
        {
            waiting.durable.get_or_insert(self.now);
            self.go_on();
        }
    }

    /// Lets the call go on if what it waits for is durable and the peer is silent, or speaks for too long.
    fn go_on(&mut self) {
        let Some(since) = self.waiting.as_ref().and_then(|waiting| waiting.durable) else { return };
        if self.repeats.talking() && self.now.saturating_sub(since) < MOST_TALK {
            return;
        }
        self.waiting = None;
        self.repeats.resume();
        // T.30's time stood still: what passed meanwhile is not made up for.
        self.fed = self.now;
        self.last_progress = self.now;
        self.last_packet = self.now;
        self.settle();
    }

    /// The page cannot be made durable: the call ends, and the page is never confirmed.
    pub fn not_durable(&mut self, page: usize) {
        if self.ended.is_none() && self.waiting.as_ref().is_some_and(|waiting| page <= waiting.page) {
            self.end(Why::NotDurable);
        }
    }

    /// Whether media may still change: nothing of T.30 was agreed yet.
    pub fn may_switch(&self) -> bool {
        self.ended.is_none() && self.pages.is_empty() && !(self.negotiated && self.receives())
    }

    /// From audio to T.38, with a new session, as nothing was agreed yet.
    ///
    /// # Errors
    /// [`NotSwitched`] where a fax is under way, or spandsp could not be set up; the call then goes on as it was.
    pub fn switch_to_t38(&mut self, terms: T38Terms, now: Duration) -> Result<(), NotSwitched> {
        let mode = Mode::T38(terms);
        if !self.may_switch() {
            return Err(NotSwitched);
        }
        self.session = begin(&mode, &self.role, &self.path).map_err(|_| NotSwitched)?;
        self.media.change(mode);
        self.now = self.now.max(now);
        self.out.clear();
        self.negotiated = false;
        self.heard_any = false;
        self.lost = 0;
        self.repeats = Repeats::default();
        (self.fed, self.last_packet, self.last_progress) = (self.now, self.now, self.now);
        Ok(())
    }

    /// Whether we receive.
    pub fn receives(&self) -> bool {
        matches!(self.role, Role::Receive(_))
    }

    /// What is known of the far end so far.
    pub fn facts(&self) -> &Facts {
        self.session.facts()
    }

    /// What became of T.38's datagrams so far; `None` in audio.
    pub fn udptl(&self) -> Option<udptl::Counts> {
        self.media.udptl()
    }

    /// Why the call ended, if it did.
    pub fn ended(&self) -> Option<Why> {
        self.ended
    }

    /// Closes the file and says what is in it, whether the call ended by itself or the peer hung up.
    pub fn finish(self) -> Report {
        let facts = report::Ending {
            why: self.ended,
            pages: self.pages,
            lost: self.lost,
            udptl: self.media.udptl(),
            audio: self.media.audio(),
            lasted: self.now.saturating_sub(self.started),
            receives: matches!(self.role, Role::Receive(_)),
        };
        report::of(self.session.finish(), facts)
    }

    /// Feeds what has come, in sequence; what comes while a page waits for the disk is sorted out.
    fn hear(&mut self) {
        while self.ended.is_none() {
            if self.waiting.is_some() {
                let Some(ifp) = self.media.next_ifp(self.now) else { break };
                self.repeats.sort(ifp);
                continue;
            }
            let Some(ifp) = self.repeats.next().or_else(|| self.media.next_ifp(self.now)) else { break };
            self.lost += u64::from(ifp.lost_before);
            let gap = ifp.lost_before.min(MOST_TOLD) as u16;
            self.seq = self.seq.wrapping_add(1).wrapping_add(gap);
            self.session.ifp(self.seq, &ifp.bytes);
            self.settle();
            self.look_at_rows();
        }
    }

    /// 20 ms of T.30's time.
    fn step(&mut self) {
        match &mut self.media {
            Media::T38(_) => {
                self.session.advance(STEP_SAMPLES);
                self.settle();
            }
            Media::Audio(audio) => {
                let (heard, missing) = audio.frame();
                self.lost += missing;
                self.session.listen(&heard);
                self.settle();
                if self.waiting.is_none() {
                    let mut said = SILENCE;
                    self.session.speak(&mut said);
                    self.say(&said);
                    self.settle();
                } else {
                    self.say(&SILENCE);
                }
                self.listen_for_fax();
            }
        }
    }

    /// While the disk is waited for: T.38 is silent, audio goes on with silence and what is heard meanwhile is let go.
    fn stand_still(&mut self) {
        while self.fed + STEP <= self.now {
            self.fed += STEP;
            if let Media::Audio(audio) = &mut self.media {
                let (heard, _) = audio.frame();
                self.repeats.listen(&heard);
                self.say(&SILENCE);
            }
        }
    }

    fn say(&mut self, samples: &[i16; STEP_SAMPLES as usize]) {
        if let Media::Audio(audio) = &mut self.media {
            let datagram = audio.say(samples);
            if self.out.len() < MOST_OUT {
                self.out.push_back(datagram);
            }
        }
    }

    fn listen_for_fax(&mut self) {
        let due = self.now.saturating_sub(self.started) >= self.settings.offer_after;
        if !self.offered && self.receives() && (due || self.session.fax_heard()) {
            self.offered = true;
            self.tell(Event::FaxHeard);
        }
    }

    /// Takes the session's events; its packets only if no page waits for the disk.
    fn settle(&mut self) {
        while let Some(event) = self.session.event() {
            match event {
                session::Event::Negotiated => {
                    self.negotiated = true;
                    self.lost = 0;
                    self.tell(Event::Negotiated);
                }
                session::Event::PageEnded(report) => self.page(report),
                session::Event::PageNotKept { answer } => {
                    if matches!(answer, Some(session::Response::Mcf | session::Response::Rtp)) {
                        self.end(Why::PageNotKept);
                    }
                }
                session::Event::PageSent { answer } => self.tell(Event::PageSent(answer)),
                session::Event::PhaseE { code } => {
                    if self.waiting.is_none() {
                        self.take_packets();
                    }
                    self.end(Why::PhaseE(code));
                }
            }
        }
        if self.waiting.is_none() && self.ended.is_none() {
            self.take_packets();
        }
    }

    fn page(&mut self, report: PageReport) {
        let page = Page::new(report, core::mem::take(&mut self.lost));
        let index = page.report.index;
        self.pages.push(page.clone());
        self.tell(Event::PageReceived(page));
        if self.ended.is_none() {
            let since = self.waiting.as_ref().map_or(self.now, |waiting| waiting.since);
            self.waiting = Some(Waiting { page: index, since, durable: None });
            if self.pages.len() > self.settings.most_pages {
                self.end(Why::TooManyPages);
            }
        }
    }

    fn take_packets(&mut self) {
        while let Some(packet) = self.session.outgoing() {
            for datagram in self.media.datagrams(&packet, self.settings.copies) {
                if self.out.len() < MOST_OUT {
                    self.out.push_back(datagram);
                }
            }
        }
    }

    fn look_at_rows(&mut self) {
        let pulse = self.session.pulse();
        if pulse.progress != self.pulse.progress {
            self.last_progress = self.now;
        }
        self.pulse = pulse;
        if pulse.rows > MOST_ROWS && self.receives() {
            self.end(Why::EndlessPage);
        }
    }

    fn watch(&mut self) {
        if self.waiting.is_some() || self.ended.is_some() {
            return;
        }
        self.look_at_rows();
        let since = |then: Duration| self.now.saturating_sub(then);
        let silence = match (self.heard_any, self.negotiated) {
            (false, _) => self.settings.first_packet,
            (true, false) => self.settings.silence_before_dcs,
            (true, true) => self.settings.silence,
        };
        let why = if since(self.started) > self.settings.longest {
            Some(Why::TooLong)
        } else if since(self.last_packet) > silence {
            Some(if self.heard_any { Why::Silence } else { Why::NeverHeard })
        } else if since(self.last_progress) > self.settings.no_progress {
            Some(Why::NoProgress)
        } else {
            None
        };
        if let Some(why) = why {
            self.end(why);
        }
    }

    fn end(&mut self, why: Why) {
        if self.ended.is_none() {
            self.ended = Some(why);
            self.tell(Event::Ended(why));
        }
    }

    fn tell(&mut self, event: Event) {
        if self.events.len() < MOST_EVENTS {
            self.events.push_back(event);
        }
    }
}

/// The media of a call cannot change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fax is under way")]
pub struct NotSwitched;

fn begin(mode: &Mode, role: &Role, path: &str) -> Result<Session, NotSetUp> {
    match (mode, role) {
        (Mode::T38(_), Role::Receive(station)) => Session::receive_t38(station, path),
        (Mode::Audio(_), Role::Receive(station)) => Session::receive_audio(station, path),
        (Mode::T38(_), Role::Send(sending)) => Session::send_t38(sending, path),
        (Mode::Audio(_), Role::Send(sending)) => Session::send_audio(sending, path),
    }
}
