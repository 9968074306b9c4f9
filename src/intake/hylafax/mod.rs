//! HylaFAX, HylaFAX+ and gofaxip `recvq`.
//!
//! One file is one T.30 document; a call may bring several. `fax<digits>.tif` (HylaFAX: nine digits, gofaxip: eight,
//! old ones fewer) is a fax or will be one; `seqf*` counts, and HylaFAX+'s `faxrcvd` puts `*.pdf`, `*.g4` and
//! `*.g4.tif` beside it while it works. Facts come from the ticket first, then the file's tags, then `xferfaxlog`,
//! then the session log.

mod faxinfo;
mod params;
mod record;
mod session_log;
mod xferfaxlog;

use std::path::Path;

use jiff::tz::TimeZone;

use super::tags::Tags;
use super::ticket::named_call_ids;
use super::{Spool, foreign, look};
use crate::fax::{CallRecord, Millis, Receipt, StationId};

pub use faxinfo::{PageSizes, as_faxinfo};
pub use record::from_tags;

/// True for a name that HylaFAX or gofaxip gives to a received document.
pub fn is_candidate(name: &str) -> bool {
    let digits = name.strip_prefix("fax").and_then(|rest| rest.strip_suffix(".tif"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The end of `xferfaxlog` that is searched: months of a busy server.
const LOG_TAIL: u64 = 4 << 20;
/// A session log is some kilobytes.
const SESSION_LOG: u64 = 1 << 20;

/// Everything that the file and the server's logs tell. Logs that are missing or unreadable tell nothing.
/// `ticket` is what the hook told, strongest; `modified` is the file's time, for want of a better one.
pub fn record(
    spool: &Spool,
    name: &str,
    tags: &Tags<'_>,
    ticket: CallRecord,
    modified: Millis,
    zone: &TimeZone,
) -> CallRecord {
    let near = tags.received_at(zone).unwrap_or(modified);
    let log = spool.logs.as_deref();
    let line = log
        .and_then(|folder| look::read_tail(&folder.join("xferfaxlog"), LOG_TAIL).ok())
        .and_then(|bytes| xferfaxlog::find(&bytes, name, near, zone));
    let device = ticket.device.clone().or_else(|| line.as_ref().and_then(|line| line.device.clone()));
    let known = ticket.or(from_tags(tags, device.as_deref(), &spool.call_ids, zone));
    let known = match &line {
        Some(line) => known.or(from_log(line, spool)),
        None => known,
    };
    let session = match (log, &known.commid) {
        (Some(folder), Some(commid)) => session(folder, commid, name),
        _ => CallRecord::default(),
    };
    known.or(session)
}

fn from_log(line: &xferfaxlog::Line, spool: &Spool) -> CallRecord {
    let told = CallRecord {
        tsi: line.tsi.clone().map(StationId),
        device: line.device.clone(),
        commid: line.commid.clone(),
        received_at: Some(line.at),
        seconds: line.seconds,
        rate: line.rate(),
        pages_announced: line.pages,
        receipt: foreign::told(&line.reason).map_or(Receipt::Complete, Receipt::Broken),
        ..CallRecord::default()
    };
    told.or(named_call_ids(&line.call_ids, line.device.as_deref(), &spool.call_ids))
}

fn session(folder: &Path, commid: &str, name: &str) -> CallRecord {
    // A commid names a file: it came from outside, and only digits make one.
    if commid.is_empty() || commid.len() > 16 || !commid.bytes().all(|byte| byte.is_ascii_digit()) {
        return CallRecord::default();
    }
    let Ok(bytes) = look::read_tail(&folder.join(format!("c{commid}")), SESSION_LOG) else {
        return CallRecord::default();
    };
    let session = session_log::read(&bytes, name);
    CallRecord {
        tsi: session.tsi.map(StationId),
        subaddress: session.subaddress,
        seconds: session.seconds,
        rate: session.rate,
        data_format: session.data_format,
        pages_announced: session.pages,
        receipt: session.broken.map_or(Receipt::Unknown, Receipt::Broken),
        ..CallRecord::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_received_documents_are_candidates() {
        for yes in ["fax000000012.tif", "fax00000007.tif", "fax1.tif"] {
            assert!(is_candidate(yes), "{yes}");
        }
        for no in [
            "fax.tif",
            "seqf",
            "seqf.5",
            "fax1.tif.pdf",
            "fax1.tif.g4.tif",
            "fax1.g4",
            "fax1.g4.tif",
            "xfax1.tif",
            "fax1.TIF",
            "fax1a.tif",
            "fax١.tif",
        ] {
            assert!(!is_candidate(no), "{no}");
        }
    }
}
