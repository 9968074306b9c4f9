//! T.30 by spandsp behind one safe face: the only place of the project where C meets a caller's bytes.
//!
//! - A [`Session`] is one T.30 call over T.38 (IFP packets in, IFP packets out) or over G.711 (linear samples at 8 kHz), answering
//!   and receiving, or calling and sending. It has no clock: time is the samples it is told of.
//! - Received pages go to a TIFF that spandsp writes itself: T.6, one strip a page, `w` and nothing else open. The path may be
//!   `/proc/self/fd/N` of a memory file. When [`Event::PageEnded`] comes out, the page and its directory are in the file whole.
//! - What T.30 itself calls good is not trusted: every page says how many rows were bad, what was answered to it, whether its
//!   end was ever seen (outside ECM: RTC, for a carrier that drops in mid page looks well to T.30); a page that was answered but is not in the file is an event of its own ([`Event::PageNotKept`]).
//! - Strings of the far end may hold any bytes: they are read as UTF-8 with replacement, at most 20 characters each.
//! - Not advertised: V.34, T.85 (JBIG), T.43, colour. Real peers cut T.85 pages or decode them wrongly.
//!
//! Standards: ITU-T T.30, T.38 (version 0), T.4, T.6; sub-addresses T.33.
//!
//! What real machines do otherwise: a page refused with RTN is sent again by some and then stands in the file twice, and not by
//! others; each carries the answer that it got. After RTN to the last page some train again; spandsp ends the call then, and
//! the page stays, flagged.

mod fcf;
mod ffi;
mod rtc;
mod terms;
#[cfg(test)]
mod tests;
mod told;

use std::collections::VecDeque;

use ffi::{Abilities, Engine, FarEnd, Note};
use rtc::Rtc;
pub use terms::{Codings, Modems, Resolutions, Sending, Station};
pub use told::{After, Coding, Event, Facts, OutIfp, PageReport, Pulse, Report, Response};

/// Rows of one page: more is no page, and what the decoder of the gateway takes at most. At 400 to the inch this is 4 m.
pub const MOST_ROWS: u32 = 65_535;
/// Samples of one audio frame at most: 60 ms.
const MOST_SAMPLES: usize = 480;
/// Events that may wait to be taken.
const MOST_EVENTS: usize = 4096;
/// Rates of the image that the modems have, bit/s.
const RATES: [u32; 6] = [2_400, 4_800, 7_200, 9_600, 12_000, 14_400];
/// spandsp's bit for T.6, MMR.
const T6: i32 = 0x08;
/// T.30's code for a call that ended before its time (spandsp's `T30_ERR_CALLDROPPED`).
pub const CALL_DROPPED: i32 = 49;

/// spandsp could not be set up: no memory, or a path longer than 255 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("spandsp could not be set up")]
pub struct NotSetUp;

/// One T.30 call.
pub struct Session {
    engine: Engine,
    receiving: bool,
    events: VecDeque<Event>,
    pages: Vec<PageReport>,
    /// A page (or a page not kept) whose answer is not known yet.
    pending: Option<Event>,
    not_kept: u32,
    negotiated: bool,
    facts: Facts,
    phase_e: Option<i32>,
    sent_last: bool,
    rtc: Rtc,
}

impl Session {
    /// Answers a call over T.38 and writes what it receives to `path`.
    pub fn receive_t38(station: &Station, path: &str) -> Result<Self, NotSetUp> {
        Self::receive(true, station, path)
    }

    /// Answers a call over G.711 (linear samples, 8 kHz) and writes what it receives to `path`.
    pub fn receive_audio(station: &Station, path: &str) -> Result<Self, NotSetUp> {
        Self::receive(false, station, path)
    }

    /// Calls over T.38 and sends the TIFF at `path`.
    pub fn send_t38(sending: &Sending, path: &str) -> Result<Self, NotSetUp> {
        Self::send(true, sending, path)
    }

    /// Calls over G.711 and sends the TIFF at `path`.
    pub fn send_audio(sending: &Sending, path: &str) -> Result<Self, NotSetUp> {
        Self::send(false, sending, path)
    }

    fn receive(t38: bool, station: &Station, path: &str) -> Result<Self, NotSetUp> {
        let mut engine = Engine::new(t38, false, path).ok_or(NotSetUp)?;
        engine.able(&Abilities::from(station));
        engine.say(&ffi::Said { ident: station.csi.clone(), ..ffi::Said::default() });
        Ok(Self::around(engine, true))
    }

    fn send(t38: bool, sending: &Sending, path: &str) -> Result<Self, NotSetUp> {
        let mut engine = Engine::new(t38, true, path).ok_or(NotSetUp)?;
        engine.able(&Abilities::from(sending));
        engine.say(&ffi::Said {
            ident: sending.tsi.clone(),
            sub_address: sending.subaddress.clone(),
            sender_ident: sending.sender_ident.clone(),
        });
        Ok(Self::around(engine, false))
    }

    fn around(engine: Engine, receiving: bool) -> Self {
        Self {
            engine,
            receiving,
            events: VecDeque::new(),
            pages: Vec::new(),
            pending: None,
            not_kept: 0,
            negotiated: false,
            facts: Facts::default(),
            phase_e: None,
            sent_last: false,
            rtc: Rtc::default(),
        }
    }

    /// Takes an IFP packet, in sequence; a gap in `seq` is loss, and T.30 is told of it.
    pub fn ifp(&mut self, seq: u16, bytes: &[u8]) {
        self.rtc.ifp(bytes);
        self.engine.ifp(seq, bytes);
        self.settle();
    }

    /// T.38: lets `samples` of 1/8000 s pass. Nothing happens without it.
    pub fn advance(&mut self, samples: u32) {
        self.engine.advance(samples);
        self.settle();
    }

    /// G.711: hears samples; time passes with them. At most 60 ms are taken at once.
    pub fn listen(&mut self, samples: &[i16]) {
        let mut heard = [0i16; MOST_SAMPLES];
        for chunk in samples.chunks(MOST_SAMPLES) {
            let heard = &mut heard[..chunk.len()];
            heard.copy_from_slice(chunk);
            self.engine.listen(heard);
        }
        self.settle();
    }

    /// G.711: fills `samples` with what is to be said, silence included.
    pub fn speak(&mut self, samples: &mut [i16]) {
        self.engine.speak(samples);
        self.settle();
    }

    /// G.711: whether CNG or a V.21 preamble was heard.
    pub fn fax_heard(&self) -> bool {
        self.engine.fax_heard()
    }

    /// The next IFP packet to be sent.
    pub fn outgoing(&mut self) -> Option<OutIfp> {
        self.engine.outgoing()
    }

    /// The next event.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is known so far.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Pages in the file so far.
    pub fn pages(&self) -> &[PageReport] {
        &self.pages
    }

    /// Signs of life of the page in progress.
    pub fn pulse(&mut self) -> Pulse {
        let statistics = self.engine.statistics();
        let count = |value: i32| u64::try_from(value).unwrap_or(0);
        let page = count(statistics.image_size).wrapping_add(count(statistics.length));
        let pages = count(statistics.pages_tx).wrapping_add(count(statistics.pages_rx));
        Pulse {
            progress: self.engine.frames().wrapping_add(page).wrapping_add(pages),
            rows: u32::try_from(statistics.length).unwrap_or(0),
        }
    }

    /// Whether phase E was reached.
    pub fn is_over(&self) -> bool {
        self.phase_e.is_some()
    }

    /// Closes the file and says what is in it. A page in progress is kept, as far as its rows are sound, and flagged as cut.
    /// With more than one page spandsp then writes their count into every directory, in place and in the same length.
    pub fn finish(mut self) -> Report {
        let code = self.engine.finish().or(self.phase_e);
        self.settle();
        self.learn();
        let complete = self.is_complete();
        let code_or = code.unwrap_or(if complete { 0 } else { CALL_DROPPED });
        Report {
            code: code_or,
            words: ffi::completion_words(code_or),
            phase_e: code.is_some(),
            pages: std::mem::take(&mut self.pages),
            not_kept: self.not_kept,
            complete,
            facts: self.facts.clone(),
        }
    }

    fn is_complete(&self) -> bool {
        if !self.receiving {
            return self.sent_last && self.phase_e == Some(0);
        }
        self.not_kept == 0
            && self.pages.last().is_some_and(|page| {
                page.after == Some(After::Nothing)
                    && !page.cut
                    && matches!(page.response, Some(Response::Mcf | Response::Rtp))
            })
    }

    /// Turns what the callbacks noted into events.
    fn settle(&mut self) {
        let mut heard = false;
        while let Some(note) = self.engine.note() {
            heard = true;
            match note {
                Note::PhaseB => {
                    self.negotiated = true;
                    self.tell(Event::Negotiated);
                }
                Note::PhaseD { fcf, stored, statistics, no_rtc } => {
                    // Over T.38 the data pass by here, and a shorter end than spandsp wants is seen.
                    let no_rtc = no_rtc && !std::mem::take(&mut self.rtc).ended();
                    self.page_end(fcf, stored, &statistics, no_rtc);
                }
                Note::Said { fcf } => self.answered(fcf),
                Note::PhaseE { code } => {
                    self.phase_e = Some(code);
                    self.release();
                    self.keep_up_to(self.engine.stored());
                    self.tell(Event::PhaseE { code });
                }
            }
        }
        self.release();
        self.keep_up_to(self.engine.stored());
        if heard {
            self.learn();
        }
    }

    /// Pages that came into the file without a page end of T.30: cut short.
    fn keep_up_to(&mut self, stored: usize) {
        if !self.receiving {
            return;
        }
        while self.pages.len() < stored {
            let index = self.pages.len();
            let Some(page) = self.engine.page(index) else { return };
            let report = PageReport {
                index,
                width: page.width,
                rows: page.rows,
                x_per_metre: page.x_per_metre,
                y_per_metre: page.y_per_metre,
                coding: Coding::of(self.engine.statistics().compression),
                bytes: u32::try_from(self.engine.statistics().image_size).unwrap_or(0),
                bad_rows: page.bad_rows,
                longest_bad_run: 0,
                ecm_retries: 0,
                ecm: self.facts.ecm.unwrap_or(false),
                response: None,
                after: None,
                cut: true,
            };
            self.pages.push(report.clone());
            self.tell(Event::PageEnded(report));
        }
    }

    fn page_end(
        &mut self,
        command: u8,
        stored: usize,
        statistics: &spandsp::spandsp_sys::t30_stats_t,
        no_rtc: bool,
    ) {
        self.release();
        if !self.receiving {
            let answer = response(command);
            self.sent_last = matches!(answer, Some(Response::Mcf | Response::Rtp));
            self.tell(Event::PageSent { answer });
            return;
        }
        let number = |value: i32| u32::try_from(value).unwrap_or(0);
        let last = stored.checked_sub(1).and_then(|index| Some((index, self.engine.page(index)?)));
        let whole = match last {
            Some((index, page)) if index >= self.pages.len() && !page.partial => Some((index, page)),
            _ => None,
        };
        self.keep_up_to(whole.as_ref().map_or(stored, |(index, _)| *index));
        let Some((index, page)) = whole else {
            self.pending = Some(Event::PageNotKept { answer: None });
            return;
        };
        self.pending = Some(Event::PageEnded(PageReport {
            index,
            width: page.width,
            rows: page.rows,
            x_per_metre: page.x_per_metre,
            y_per_metre: page.y_per_metre,
            coding: Coding::of(statistics.compression),
            bytes: number(statistics.image_size),
            bad_rows: page.bad_rows,
            longest_bad_run: number(statistics.longest_bad_row_run),
            ecm_retries: number(statistics.error_correcting_mode_retries),
            ecm: statistics.error_correcting_mode != 0,
            response: None,
            after: after(command),
            cut: no_rtc && statistics.error_correcting_mode == 0,
        }));
        self.reserve_place();
    }

    /// A page with its answer pending already counts in the order of the file.
    fn reserve_place(&mut self) {
        if let Some(Event::PageEnded(report)) = &self.pending {
            self.pages.push(report.clone());
        }
    }

    fn answered(&mut self, command: u8) {
        let answer = response(command);
        match &mut self.pending {
            Some(Event::PageEnded(report)) => {
                report.response = answer;
                if let Some(page) = self.pages.last_mut() {
                    page.response = answer;
                }
            }
            Some(Event::PageNotKept { answer: told }) => *told = answer,
            _ => {}
        }
        self.release();
    }

    fn release(&mut self) {
        if let Some(event) = self.pending.take() {
            if matches!(event, Event::PageNotKept { .. }) {
                self.not_kept = self.not_kept.saturating_add(1);
            }
            self.tell(event);
        }
    }

    fn tell(&mut self, event: Event) {
        if self.events.len() < MOST_EVENTS {
            self.events.push_back(event);
        }
    }

    fn learn(&mut self) {
        let FarEnd { ident, sub_address, selective_polling, password, sender_ident, country, vendor, model } =
            self.engine.far_end();
        let facts = &mut self.facts;
        // spandsp forgets some of these when the call ends: what was once known stays.
        let fields = [
            (&mut facts.ident, ident),
            (&mut facts.subaddress, sub_address),
            (&mut facts.selective_polling, selective_polling),
            (&mut facts.password, password),
            (&mut facts.sender_ident, sender_ident),
            (&mut facts.country, country),
            (&mut facts.vendor, vendor),
            (&mut facts.model, model),
        ];
        for (known, now) in fields {
            if now.is_some() {
                *known = now;
            }
        }
        if self.negotiated {
            let statistics = self.engine.statistics();
            // After a DCS with a rate that no modem has, spandsp reads before its table: then this is no rate.
            facts.rate = u32::try_from(statistics.bit_rate).ok().filter(|rate| RATES.contains(rate));
            facts.ecm = Some(statistics.error_correcting_mode != 0);
        }
    }
}

fn response(command: u8) -> Option<Response> {
    match command {
        fcf::MCF => Some(Response::Mcf),
        fcf::RTP => Some(Response::Rtp),
        fcf::RTN => Some(Response::Rtn),
        _ => None,
    }
}

fn after(command: u8) -> Option<After> {
    match command {
        fcf::MPS => Some(After::Page),
        fcf::EOM | fcf::EOS => Some(After::Document),
        fcf::EOP => Some(After::Nothing),
        _ => None,
    }
}
