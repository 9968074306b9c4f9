//! One call on its thread: its socket, its machine, its file, its record.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use super::peer::Peer;
use super::{Begin, News};
use crate::t38::call::{Call, Event, Mode, Page, Report, Role, T38Terms, Why};
use crate::t38::record::{self, Outcome, Packets, PageDamage, PageSize, Record};
use crate::t38::sip::CallKey;
use crate::t38::{rtp, udptl};

/// Datagrams read in one tick. A call has a handful; the rest is room for a flood of foreign ones, which must not fill the
/// socket before the peer's are read.
const MOST_A_TICK: usize = 1024;
/// A received TIFF may not grow beyond this.
const MOST_BYTES: u64 = 512 << 20;
/// How long signalling may take to hang up once T.30 is over.
const HANG_UP_WITHIN: Duration = Duration::from_secs(45);

/// What a tick gives to the thread.
pub(super) enum Told {
    /// For signalling.
    News(News),
    /// For the disk.
    Page { page: usize, name: String, memory: Arc<File>, record: Box<Record> },
}

/// A closed line.
pub(super) struct Ended {
    pub name: String,
    pub memory: Option<Arc<File>>,
    pub record: Record,
    pub report: Report,
    pub packets: Packets,
}

/// One call.
pub(super) struct Line {
    key: CallKey,
    name: String,
    socket: UdpSocket,
    peer: Peer,
    t38: bool,
    call: Call,
    began: Duration,
    /// How much later than the line T.30 began; `None`: it has not, and nothing is sent. An address in SDP may be anyone's,
    /// so a call that came in says nothing until its peer acknowledged our answer, or was heard.
    behind: Option<Duration>,
    memory: Option<Arc<File>>,
    record: Record,
    pages: Vec<Page>,
    packets: Packets,
    /// When T.30 ended, and why.
    over: Option<(Duration, Why)>,
    loss: Loss,
}

impl Line {
    /// Sets T.30 up. Where that fails, the record says so.
    pub(super) fn begin(begin: Begin, now: Duration) -> Result<Self, Box<(String, Record)>> {
        let Begin { call: key, name, socket, peer, networks, mode, role, settings, record, file, loss } =
            begin;
        let t38 = matches!(mode, Mode::T38(_));
        let call_came_in = matches!(role, Role::Receive(_));
        let made = match (&role, file) {
            (Role::Send(_), Some(path)) => Ok((None, path.to_string_lossy().into_owned())),
            _ => super::memory().map(|(memory, path)| (Some(memory), path)),
        };
        let begun = made.map_err(|error| error.to_string()).and_then(|(memory, path)| {
            let call = Call::new(mode, role, &path, settings, now).map_err(|error| error.to_string())?;
            Ok((memory, call))
        });
        let behind = (!call_came_in).then_some(Duration::ZERO);
        let (memory, call) = match begun {
            Ok(begun) => begun,
            Err(why) => {
                tracing::error!(call = name, "a call could not be begun: {why}");
                let record = record.cut_short(0, &why);
                return Err(Box::new((name, record)));
            }
        };
        Ok(Self {
            key,
            name,
            socket,
            peer: Peer::new(peer, networks),
            t38,
            call,
            began: now,
            behind,
            memory,
            record,
            pages: Vec::new(),
            packets: Packets::default(),
            over: None,
            loss: Loss { permille: loss, state: key.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 },
        })
    }

    /// What has come in, what time has brought, what goes out.
    pub(super) fn tick(&mut self, now: Duration, buffer: &mut [u8], tell: &mut dyn FnMut(Told)) {
        self.hear(now, buffer);
        if self.behind.is_none() {
            return;
        }
        self.call.tick(self.time(now));
        self.say();
        self.look(now, tell);
    }

    /// T.30's time: it stands still until the call is open.
    fn time(&self, now: Duration) -> Duration {
        self.behind.map_or(self.began, |behind| now.saturating_sub(behind))
    }

    /// The peer is there: T.30 begins.
    pub(super) fn open(&mut self, now: Duration) {
        self.behind.get_or_insert(now.saturating_sub(self.began));
    }

    fn hear(&mut self, now: Duration, buffer: &mut [u8]) {
        for _ in 0..MOST_A_TICK {
            let (length, from) = match self.socket.recv_from(buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // An ICMP error of an earlier datagram of ours.
                Err(_) => continue,
            };
            let bytes = buffer.get(..length).unwrap_or_default();
            let from = SocketAddr::new(from.ip().to_canonical(), from.port());
            let t38 = self.t38;
            let well_formed = || match t38 {
                true => udptl::Packet::parse(bytes).is_ok() && !rtp::looks_like(bytes),
                false => rtp::looks_like(bytes),
            };
            if !self.peer.is(from, well_formed) {
                self.packets.foreign += 1;
            } else if self.t38 && rtp::looks_like(bytes) && udptl::Packet::parse(bytes).is_err() {
                // What reads as both is for UDPTL's own judgement: from its packet 32,768 on, any may look like RTP.
                self.packets.stragglers += 1;
            } else if !self.loss.loses() {
                if self.behind.is_none() && well_formed() {
                    self.open(now);
                }
                self.call.datagram(self.time(now), bytes);
            }
        }
    }

    fn say(&mut self) {
        while let Some(datagram) = self.call.send() {
            if let Some(peer) = self.peer.address()
                && !self.loss.loses()
            {
                // A full buffer is loss, which redundancy makes good.
                let _ = self.socket.send_to(&datagram, peer);
            }
        }
    }

    fn look(&mut self, now: Duration, tell: &mut dyn FnMut(Told)) {
        while let Some(event) = self.call.event() {
            match event {
                Event::FaxHeard => tell(Told::News(News::FaxHeard(self.key))),
                Event::Negotiated => tell(Told::News(News::Negotiated(self.key))),
                Event::PageSent(_) => tell(Told::News(News::Page(self.key))),
                Event::PageReceived(page) => self.page(page, tell),
                Event::Ended(why) => {
                    self.over = Some((now, why));
                    tell(Told::News(News::Over(self.key, why)));
                }
            }
        }
    }

    fn page(&mut self, page: Page, tell: &mut dyn FnMut(Told)) {
        let index = page.report.index;
        self.pages.push(page);
        let Some(memory) = &self.memory else { return };
        if memory.metadata().map_or(0, |facts| facts.len()) > MOST_BYTES {
            self.call.not_durable(index);
            return;
        }
        let mut record = self.record.clone();
        record.seconds = seconds(&self.record);
        describe(&mut record, self.call.facts(), &self.pages);
        record.result = Outcome::Failed;
        record.packets = self.counted();
        let (name, memory) = (self.name.clone(), Arc::clone(memory));
        tell(Told::Page { page: index, name, memory, record: Box::new(record) });
    }

    /// The disk has answered.
    pub(super) fn durable(&mut self, page: usize, kept: bool) {
        if kept { self.call.confirm(page) } else { self.call.not_durable(page) }
    }

    /// From audio to T.38. `false`: a fax is under way already, and the call cannot go on as the peer understands it.
    pub(super) fn switch(
        &mut self,
        socket: UdpSocket,
        peer: SocketAddr,
        terms: T38Terms,
        now: Duration,
    ) -> bool {
        match self.call.switch_to_t38(terms, self.time(now)) {
            Ok(()) => {
                self.socket = socket;
                self.peer.anew(peer);
                self.t38 = true;
                self.record.media = Some("t38".to_owned());
                true
            }
            Err(error) => {
                tracing::warn!(call = self.name, "T.38 came too late: {error}");
                false
            }
        }
    }

    /// The peer has another address.
    pub(super) fn redirect(&mut self, peer: SocketAddr) {
        self.peer.moved(peer);
    }

    /// T.30 has ended long ago, and nobody hung up.
    pub(super) fn expired(&self, now: Duration) -> bool {
        self.over.is_some_and(|(since, _)| now.saturating_sub(since) > HANG_UP_WITHIN)
    }

    fn counted(&self) -> Packets {
        let mut packets = self.packets;
        if let Some(counts) = self.call.udptl() {
            add(&mut packets, &counts);
        }
        packets
    }

    /// Closes the file and says all that is known.
    pub(super) fn end(self, why: &'static str) -> Ended {
        let Self { name, call, memory, mut record, mut packets, .. } = self;
        let report = call.finish();
        if let Some(counts) = &report.udptl {
            add(&mut packets, counts);
        }
        if let Some(counts) = &report.audio {
            packets.received += counts.received;
            packets.lost += counts.missing;
            packets.refused += counts.refused;
        }
        record.seconds = seconds(&record);
        describe(&mut record, &report.facts, &report.pages);
        record.packets = packets;
        record.partial = report.partial;
        record.result_code = Some(report.code);
        if report.complete {
            record.result = Outcome::Ok;
        } else {
            record.result = Outcome::Failed;
            record.error = record::told(&words(&report, why));
        }
        Ended { name, memory, record, report, packets }
    }
}

/// Why a call is no whole fax, in words for the reader of its mail.
pub(super) fn words(report: &Report, otherwise: &str) -> String {
    match report.why {
        None => otherwise.to_owned(),
        Some(Why::PhaseE(0)) => "the caller ended the fax before its last page".to_owned(),
        Some(Why::PhaseE(_)) => format!("{} (T.30 code {})", report.words, report.code),
        Some(Why::NeverHeard) => "nothing of a fax was ever heard".to_owned(),
        Some(Why::Silence) => "the line fell silent".to_owned(),
        Some(Why::NoProgress) => "packets came, but the fax stood still".to_owned(),
        Some(Why::TooLong) => "the call took longer than any may".to_owned(),
        Some(Why::NotDurable) => "a page could not be put on the disk".to_owned(),
        Some(Why::PageNotKept) => "a page could not be kept".to_owned(),
        Some(Why::EndlessPage) => "a page did not end".to_owned(),
        Some(Why::TooManyPages) => "the fax has more pages than any may".to_owned(),
    }
}

fn add(packets: &mut Packets, counts: &udptl::Counts) {
    packets.received += counts.received;
    packets.lost += counts.lost;
    packets.recovered += counts.recovered;
    packets.refused += counts.refused;
}

/// Seconds since the call began, from the time that its record says.
fn seconds(record: &Record) -> Option<u32> {
    let began: jiff::Timestamp = record.received_at.as_deref()?.parse().ok()?;
    let passed = crate::ops::clock::now() - began.as_millisecond();
    u32::try_from(passed / 1000).ok()
}

/// Puts into a record what T.30 knows.
fn describe(record: &mut Record, facts: &crate::t38::session::Facts, pages: &[Page]) {
    let told = |text: &Option<String>| text.as_deref().and_then(record::told);
    record.tsi = told(&facts.ident);
    record.subaddress = told(&facts.subaddress);
    record.sender_subaddress = told(&facts.sender_ident);
    record.selective = told(&facts.selective_polling);
    record.password_given = facts.password.is_some();
    record.country = told(&facts.country);
    record.make = told(&facts.vendor);
    record.model = told(&facts.model);
    record.rate = facts.rate;
    record.ecm = facts.ecm;
    record.data_format = pages.last().map(|page| page.report.coding.name().to_owned());
    record.pages = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    let number = |page: &Page| u32::try_from(page.report.index + 1).unwrap_or(u32::MAX);
    record.set_damage(pages.iter().filter(|page| page.damaged()).map(|page| PageDamage {
        page: number(page),
        bad_rows: page.report.bad_rows,
        longest_run: page.report.longest_bad_run,
        packets_lost: u32::try_from(page.packets_lost).unwrap_or(u32::MAX),
        cut: page.report.cut,
    }));
    record.set_sizes(pages.iter().map(|page| PageSize {
        page: number(page),
        width: page.report.width,
        rows: page.report.rows,
        x_per_metre: page.report.x_per_metre,
        y_per_metre: page.report.y_per_metre,
        bytes: page.report.bytes,
    }));
}

/// Loss made on purpose, to try a line. xorshift: the same call loses the same packets.
struct Loss {
    permille: u32,
    state: u64,
}

impl Loss {
    fn loses(&mut self) -> bool {
        if self.permille == 0 {
            return false;
        }
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % 1000 < u64::from(self.permille)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_on_purpose_is_about_what_was_asked_for() {
        let mut loss = Loss { permille: 50, state: 0x1234_5678_9abc_def1 };
        let lost = (0..100_000).filter(|_| loss.loses()).count();
        assert!((4_000..6_000).contains(&lost), "{lost}");
        assert!(!Loss { permille: 0, state: 1 }.loses());
    }
}
