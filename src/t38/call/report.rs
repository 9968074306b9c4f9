//! What a call came to: pages with their damage, what was lost on the way, and whether it may be called whole.

use core::time::Duration;

use super::Why;
use crate::t38::session::{self, After, Facts, PageReport, Response};
use crate::t38::{rtp, udptl};

/// A received page and what its way did to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What T.30 says.
    pub report: PageReport,
    /// IFPs (in audio: frames of 20 ms) lost for good between the page before, or the training, and its end. Under ECM what they
    /// held was asked for again.
    pub packets_lost: u64,
    /// Whether it was made durable, and so the sender told.
    pub confirmed: bool,
}

impl Page {
    pub(super) fn new(report: PageReport, packets_lost: u64) -> Self {
        Self { report, packets_lost, confirmed: false }
    }

    /// Rows are missing, wrong or in doubt: bad rows, an end that never came, RTN, or loss that nothing made good. A page
    /// outside ECM is doubted for any loss, as T.30 then ends well over missing rows.
    pub fn damaged(&self) -> bool {
        !self.report.sound() || (!self.report.ecm && self.packets_lost > 0)
    }

    /// Whole: not damaged, and confirmed to the sender.
    pub fn whole(&self) -> bool {
        self.confirmed && !self.damaged()
    }

    /// Answered with RTN: if the sender sends it again, it stands in the fax twice.
    pub fn refused(&self) -> bool {
        self.report.response == Some(Response::Rtn)
    }
}

/// A call at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Why it ended; `None` if it was ended from outside: the peer hung up, or we stopped.
    pub why: Option<Why>,
    /// T.30's completion code ([`session::Report::code`]).
    pub code: i32,
    /// The code in words.
    pub words: String,
    /// Pages in the file, in its order.
    pub pages: Vec<Page>,
    /// Pages that ended but are not in the file.
    pub not_kept: u32,
    /// Receiving: every page is confirmed, the last was the last (EOP), none cut or missing. Sending: the far end confirmed all.
    pub complete: bool,
    /// There are pages, but the fax is not [`Report::complete`].
    pub partial: bool,
    /// The far end and the line.
    pub facts: Facts,
    /// T.38's datagrams, over all of the call.
    pub udptl: Option<udptl::Counts>,
    /// Audio's.
    pub audio: Option<rtp::Counts>,
    /// How long it took.
    pub lasted: Duration,
}

impl Report {
    /// Complete, and no page damaged.
    pub fn whole(&self) -> bool {
        self.complete && self.pages.iter().all(Page::whole)
    }
}

pub(super) struct Ending {
    pub why: Option<Why>,
    pub pages: Vec<Page>,
    pub lost: u64,
    pub udptl: Option<udptl::Counts>,
    pub audio: Option<rtp::Counts>,
    pub lasted: Duration,
    pub receives: bool,
}

pub(super) fn of(session: session::Report, ending: Ending) -> Report {
    let mut pages = ending.pages;
    let mut lost = ending.lost;
    // A page in progress comes into the file only now.
    for report in session.pages.into_iter().skip(pages.len()) {
        pages.push(Page::new(report, core::mem::take(&mut lost)));
    }
    let complete = if ending.receives {
        let last = pages.last().is_some_and(|page| page.report.after == Some(After::Nothing));
        // A refused page is sent again, or is the last, and then the session is not complete.
        let kept = pages.iter().all(|page| page.confirmed && (!page.report.cut || page.refused()));
        session.complete && last && kept
    } else {
        session.complete
    };
    Report {
        why: ending.why,
        code: session.code,
        words: session.words,
        partial: ending.receives && !pages.is_empty() && !complete,
        pages,
        not_kept: session.not_kept,
        complete,
        facts: session.facts,
        udptl: ending.udptl,
        audio: ending.audio,
        lasted: ending.lasted,
    }
}
