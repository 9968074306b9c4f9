//! What a session tells: packets, events, pages as they stand in the file, what is known of the far end.

use super::T6;

/// An IFP packet to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutIfp {
    /// The packet (ITU-T T.38 §7).
    pub bytes: Vec<u8>,
    /// How often it should go out: 3 for indicators and the ends of signals, after which nothing may follow for a while.
    pub copies: usize,
}

/// Coding of a page on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// T.4 one-dimensional.
    Mh,
    /// T.4 two-dimensional.
    Mr,
    /// T.6.
    Mmr,
    /// Another, by spandsp's number.
    Other(i32),
}

impl Coding {
    pub(super) fn of(number: i32) -> Self {
        match number {
            2 => Self::Mh,
            4 => Self::Mr,
            T6 => Self::Mmr,
            other => Self::Other(other),
        }
    }

    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mh => "MH",
            Self::Mr => "MR",
            Self::Mmr => "MMR",
            Self::Other(_) => "other",
        }
    }
}

/// How a page was answered (T.30 §5.3.6.1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// Message confirmation.
    Mcf,
    /// Retrain positive: taken, but train again.
    Rtp,
    /// Retrain negative: not good enough; the sender may send it again, and then it stands in the fax twice.
    Rtn,
}

/// What the sender said after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// MPS: another page.
    Page,
    /// EOM or EOS: another document in the same call.
    Document,
    /// EOP: nothing more.
    Nothing,
}

/// One page as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageReport {
    /// Its place in the TIFF, from 0.
    pub index: usize,
    /// Pixels across.
    pub width: u32,
    /// Rows.
    pub rows: u32,
    /// Pixels per metre across.
    pub x_per_metre: u32,
    /// Pixels per metre down.
    pub y_per_metre: u32,
    /// Coding on the line.
    pub coding: Coding,
    /// Bytes on the line.
    pub bytes: u32,
    /// Rows that could not be decoded and repeat the row above.
    pub bad_rows: u32,
    /// The longest run of those.
    pub longest_bad_run: u32,
    /// Frames asked for again, with ECM.
    pub ecm_retries: u32,
    /// Whether it came with error correction.
    pub ecm: bool,
    /// What we answer; `None` if the call ended, or the page was given up, before that.
    pub response: Option<Response>,
    /// What the sender said after it.
    pub after: Option<After>,
    /// The page's end never came: the rows that did are kept. Outside ECM so if its data ended without RTC, whatever was
    /// answered.
    pub cut: bool,
}

impl PageReport {
    /// Whether T.30's own evidence says that the page is whole.
    pub fn sound(&self) -> bool {
        !self.cut && self.bad_rows == 0 && matches!(self.response, Some(Response::Mcf | Response::Rtp))
    }
}

/// What happened, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The two machines agreed (receiver: DCS read; sender: DIS read).
    Negotiated,
    /// A page ended and is in the file; the answer to it is not out yet as long as
    /// [`Session::outgoing`](super::Session::outgoing) is not asked.
    PageEnded(PageReport),
    /// A page ended and is not in the file, as nothing of it could be decoded or written; `answer` is what spandsp would say.
    PageNotKept {
        /// The answer waiting to go out.
        answer: Option<Response>,
    },
    /// Sending: the far end answered one of our pages.
    PageSent {
        /// Its answer.
        answer: Option<Response>,
    },
    /// T.30 is over.
    PhaseE {
        /// spandsp's completion code, 0 for well.
        code: i32,
    },
}

/// What is known of the far end and of the line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// TSI (or CSI, when we send).
    pub ident: Option<String>,
    /// SUB.
    pub subaddress: Option<String>,
    /// SEP.
    pub selective_polling: Option<String>,
    /// PWD.
    pub password: Option<String>,
    /// SID.
    pub sender_ident: Option<String>,
    /// Country of the maker, from NSF or NSS.
    pub country: Option<String>,
    /// Maker.
    pub vendor: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Bit/s of the image, once negotiated.
    pub rate: Option<u32>,
    /// Error correction, once negotiated.
    pub ecm: Option<bool>,
}

/// Signs of life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pulse {
    /// A number that changes as long as the far end goes on: frames heard, bytes and rows of the page, pages.
    pub progress: u64,
    /// Rows of the page in progress, or of the one before it. Above [`MOST_ROWS`](super::MOST_ROWS) we are being flooded.
    pub rows: u32,
}

/// A session at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// spandsp's completion code; [`CALL_DROPPED`](super::CALL_DROPPED) where phase E never came and the fax was not over.
    pub code: i32,
    /// The code in words.
    pub words: String,
    /// Whether phase E was reached.
    pub phase_e: bool,
    /// Pages in the file, in its order.
    pub pages: Vec<PageReport>,
    /// Pages answered or ended that are not in the file.
    pub not_kept: u32,
    /// Receiving: EOP was seen and its page confirmed. Sending: our EOP was confirmed.
    pub complete: bool,
    /// The far end and the line.
    pub facts: Facts,
}
