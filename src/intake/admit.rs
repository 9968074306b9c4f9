//! Bringing one complete fax in: read, name what it is, gather what is known of its call, store, commit.
//!
//! Order of durability: bytes (blob, fsync) → one transaction → only then the source may be let go.

use std::io;

use jiff::tz::TimeZone;

use super::ledger::{Admission, Ledger, NewFax};
use super::settle::Signal;
use super::survey::Candidate;
use super::tags::Tags;
use super::{Kind, Spool, hylafax, look, mgetty};
use crate::decode::{self, raw_g3};
use crate::fax::{Arrival, CallRecord, Fault, Format, Millis, Number, Original, Receipt};

/// A fax read into memory.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What the store keeps.
    pub bytes: Vec<u8>,
    /// What the bytes are.
    pub format: Format,
    /// What is known of the call.
    pub call: CallRecord,
}

/// What became of reading.
#[derive(Debug)]
pub enum Reading {
    /// Read.
    Taken(Box<Taken>),
    /// A file changed while it was read, or since it was listed.
    Changed,
    /// It is larger than the limit.
    TooLarge,
}

/// Reads a candidate: blocking.
pub fn read(
    spool: &Spool,
    candidate: &Candidate,
    signal: Signal,
    now: Millis,
    zone: &TimeZone,
) -> io::Result<Reading> {
    let limit = spool.most_bytes;
    if candidate.bytes() > limit {
        return Ok(Reading::TooLarge);
    }
    let mut files = Vec::with_capacity(candidate.files.len());
    for file in &candidate.files {
        match look::read_whole(&file.path, limit)? {
            Some((bytes, id)) if id.same_content(&file.id) => files.push(bytes),
            _ => return Ok(Reading::Changed),
        }
    }
    let (bytes, format) = match spool.kind {
        Kind::Mgetty => {
            let names = candidate.files.iter().map(|file| file.name.clone());
            let pages: Vec<(String, Vec<u8>)> = names.zip(files).collect();
            (raw_g3::bundle(&pages), Format::G3Bundle)
        }
        Kind::Hylafax | Kind::Drop | Kind::T38 => {
            let bytes = files.pop().unwrap_or_default();
            let format = decode::sniff(&bytes).unwrap_or_else(|| by_name(&candidate.name));
            (bytes, format)
        }
    };
    let call = record(spool, candidate, &bytes, signal, now, zone);
    Ok(Reading::Taken(Box::new(Taken { bytes, format, call })))
}

/// For bytes that are nothing we know: the decoder will say so, and the fax is set aside where people see it.
fn by_name(name: &str) -> Format {
    match name.rsplit_once('.').map(|(_, last)| last.to_ascii_lowercase()).as_deref() {
        Some("pdf") => Format::Pdf,
        Some("png") => Format::Png,
        _ => Format::Tiff,
    }
}

/// The call, strongest source first: ticket, sidecar, the file's own tags and name, logs, the spool's settings.
fn record(
    spool: &Spool,
    candidate: &Candidate,
    bytes: &[u8],
    signal: Signal,
    now: Millis,
    zone: &TimeZone,
) -> CallRecord {
    let newest = candidate.tickets.last().map(|slip| slip.ticket.record(&spool.call_ids)).unwrap_or_default();
    let told = match &candidate.sidecar {
        Some((_, record)) => newest.or(record.clone()),
        None => newest,
    };
    let known = match spool.kind {
        Kind::Mgetty => told.or(mgetty::record(&candidate.pages, now)),
        Kind::Hylafax => {
            hylafax::record(spool, &candidate.name, &Tags::read(bytes), told, candidate.written(), zone)
        }
        Kind::Drop | Kind::T38 => {
            let device = told.device.clone();
            told.or(hylafax::from_tags(&Tags::read(bytes), device.as_deref(), &spool.call_ids, zone))
        }
    };
    let did = CallRecord { did: spool.did.clone().map(Number), ..CallRecord::default() };
    let mut known = known.or(did);
    if spool.kind == Kind::T38 {
        // the receiver calls its trunk the device
        known.trunk = known.trunk.or_else(|| known.device.clone());
    }
    if signal == Signal::Abandoned && known.receipt == Receipt::Unknown {
        known.receipt = Receipt::Broken("the receiving program never finished this file".to_owned());
    }
    known
}

/// Stores a fax that was read.
pub async fn admit<L: Ledger>(
    ledger: &L,
    spool: &Spool,
    candidate: &Candidate,
    key: &str,
    taken: Taken,
    now: Millis,
) -> Result<Admission, Fault> {
    let sha256 = ledger.put(&taken.bytes).await?;
    let original = Original { sha256, bytes: taken.bytes.len() as u64, format: taken.format };
    let file_name = candidate.files.first().map_or_else(|| candidate.name.clone(), |file| file.name.clone());
    let arrival = Arrival { source: spool.name.clone(), source_key: key.to_owned(), file_name, at: now };
    ledger.admit(NewFax { arrival, call: taken.call, original }).await
}
