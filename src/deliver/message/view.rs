//! What a mail says, worked out before any template sees it.
//!
//! Everything foreign (station names, numbers, the machine's words, file names) is folded to one bounded
//! line here. The HTML templates escape on top of that.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Because;
use super::words::{Label, Words};
use crate::fax::{Arrival, CallRecord, Document, FaxId, Millis, Receipt, one_line};

/// Foreign words (a machine's reason, a file name) are shown up to so many characters.
const FOREIGN_MOST: usize = 120;
/// A sentence of ours, which may quote a server.
pub(super) const SENTENCE_MOST: usize = 600;
/// Digits of a number in a file name.
const DIGITS_MOST: usize = 20;
/// Different faults of pages without text that are named.
const FAULTS_MOST: usize = 4;

/// A label and its value.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) value: String,
}

/// Who sent it, as far as anybody claims.
pub(super) struct Sender {
    /// Number of the calling line, else the claimed TSI.
    pub(super) number: Option<String>,
    /// Caller's name, else the TSI where the number came from elsewhere.
    pub(super) name: Option<String>,
    /// Both, for a headline.
    pub(super) shown: String,
}

/// A moment as people of this place write it; UTC where the zone is not known to this machine.
pub(super) fn moment(at: Millis, zone: &TimeZone, pattern: &str) -> String {
    let stamp = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
    stamp.to_zoned_datetime(zone.clone()).strftime(pattern).to_string()
}

/// When it was received: the machine's word, else our admission.
pub(super) fn received_at(call: &CallRecord, arrival: &Arrival) -> Millis {
    call.received_at.unwrap_or(arrival.at)
}

fn known(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Who sent it; `known` is the name in the address book.
pub(super) fn sender(call: &CallRecord, known_as: Option<String>, words: Words) -> Sender {
    let caller = call.caller.as_ref().and_then(|number| known(number.to_string()));
    let tsi = call.tsi.as_ref().and_then(|tsi| known(tsi.shown()));
    let caller_name = call.caller_name.as_ref().and_then(|name| known(name.shown()));
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let (number, name) = match (caller, tsi) {
        (Some(number), tsi) => {
            // A TSI that only repeats the number says nothing new.
            let new =
                tsi.filter(|tsi| digits(tsi) != digits(&number) || tsi.chars().any(char::is_alphabetic));
            (Some(number), caller_name.or(new))
        }
        (None, Some(tsi)) => (Some(tsi), caller_name),
        (None, None) => (None, caller_name),
    };
    let known = known_as.is_some();
    let name = known_as.or(name);
    let shown = match (&number, &name) {
        // Whom the site knows is called by name.
        (Some(number), Some(name)) if known => words.with(name, number),
        (Some(number), Some(name)) => format!("{number} ({name})"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => words.unknown_sender(),
    };
    Sender { number, name, shown }
}

/// `2026-11-24_0915_fax_28101234_3p_<id>.<extension>`: ASCII, sortable, fit for any file system and mail
/// reader. Nothing of the sender's but digits.
pub(super) fn file_name(
    id: &FaxId,
    call: &CallRecord,
    at: Millis,
    zone: &TimeZone,
    pages: Option<u32>,
    extension: &str,
) -> String {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).take(DIGITS_MOST).collect::<String>();
    let number = call.caller.as_ref().and_then(|caller| known(digits(&caller.0)));
    let number = number.or_else(|| call.tsi.as_ref().and_then(|tsi| known(digits(&tsi.0))));
    let number = number.unwrap_or_else(|| "unknown".into());
    let pages = pages.map(|pages| format!("{pages}p_")).unwrap_or_default();
    format!("{}_fax_{number}_{pages}{id}.{extension}", moment(at, zone, "%Y-%m-%d_%H%M"))
}

/// The facts of the call that are known, in the order in which clerks ask for them.
pub(super) fn call_facts(call: &CallRecord, arrival: &Arrival, zone: &TimeZone, words: Words) -> Vec<Row> {
    let mut rows = Rows(Vec::new(), words);
    rows.add(Label::Received, Some(moment(received_at(call, arrival), zone, words.moment_pattern())));
    let caller =
        [call.caller.as_ref().map(ToString::to_string), call.caller_name.as_ref().map(|name| name.shown())];
    let caller: Vec<String> = caller.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    rows.add(Label::Caller, Some(caller.join(", ")));
    rows.add(Label::Tsi, call.tsi.as_ref().map(|tsi| tsi.shown()));
    rows.add(Label::Did, call.did.as_ref().map(ToString::to_string));
    rows.add(Label::Subaddress, call.subaddress.as_ref().map(|text| one_line(text, FOREIGN_MOST)));
    rows.add(Label::Duration, call.seconds.map(|seconds| words.duration(seconds)));
    rows.add(Label::Rate, call.rate.map(|rate| format!("{rate} bit/s")));
    rows.add(Label::Ecm, call.ecm.map(|on| words.on_off(on)));
    rows.add(Label::Line, call.device.as_ref().map(|text| one_line(text, FOREIGN_MOST)));
    rows.add(
        Label::Source,
        Some(one_line(&format!("{}: {}", arrival.source, arrival.file_name), FOREIGN_MOST)),
    );
    rows.0
}

/// The facts of the document and of where it went.
pub(super) fn document_facts(document: &Document, words: Words) -> Vec<Row> {
    let mut rows = Rows(Vec::new(), words);
    rows.add(Label::Pages, Some(document.pages.to_string()));
    rows.add(Label::Resolution, Some(words.resolution(&one_line(&document.resolution, FOREIGN_MOST))));
    rows.0
}

/// One row of our own.
pub(super) fn row(label: Label, value: &str, words: Words) -> Vec<Row> {
    let mut rows = Rows(Vec::new(), words);
    rows.add(label, Some(one_line(value, FOREIGN_MOST)));
    rows.0
}

struct Rows(Vec<Row>, Words);

impl Rows {
    /// Adds what is known.
    fn add(&mut self, label: Label, value: Option<String>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.0.push(Row { label: self.1.label(label), value });
        }
    }
}

/// True if the fax may be longer than what we hold.
pub(super) fn incomplete(call: &CallRecord, document: &Document) -> bool {
    matches!(call.receipt, Receipt::Broken(_))
        || call.pages_announced.is_some_and(|announced| announced > document.pages)
        || document.damage.iter().any(|damage| damage.cut)
}

/// Everything that a reader must know before trusting the pages.
pub(super) fn warnings(call: &CallRecord, document: &Document, words: Words) -> Vec<String> {
    let mut said = Vec::new();
    if let Receipt::Broken(reason) = &call.receipt {
        said.push(words.broken(document.pages, &one_line(reason, FOREIGN_MOST)));
    }
    if let Some(announced) = call.pages_announced.filter(|announced| *announced != document.pages) {
        said.push(words.miscounted(announced, document.pages));
    }
    let pages = || (1u32..).zip(&document.damage);
    let cut: Vec<u32> = pages().filter(|(_, damage)| damage.cut).map(|(page, _)| page).collect();
    if !cut.is_empty() {
        said.push(words.cut(&cut));
    }
    let bad: Vec<(u32, u64)> = pages()
        .map(|(page, damage)| (page, u64::from(damage.bad_rows.max(damage.bad_rows_announced))))
        .filter(|(_, rows)| *rows > 0)
        .collect();
    if !bad.is_empty() {
        let numbers: Vec<u32> = bad.iter().map(|(page, _)| *page).collect();
        said.push(words.damaged(&numbers, bad.iter().map(|(_, rows)| rows).sum()));
    }
    // A page whose bad rows are counted is spoken of already.
    let lost: Vec<(u32, u64)> = pages()
        .filter(|(page, _)| bad.iter().all(|(other, _)| other != page))
        .map(|(page, damage)| (page, u64::from(damage.packets_lost)))
        .filter(|(_, packets)| *packets > 0)
        .collect();
    if !lost.is_empty() {
        let numbers: Vec<u32> = lost.iter().map(|(page, _)| *page).collect();
        said.push(words.packets_lost(&numbers, lost.iter().map(|(_, packets)| packets).sum()));
    }
    said.extend(unsearchable(document, words));
    said
}

/// One sentence for each fault that cost pages their text.
fn unsearchable(document: &Document, words: Words) -> Vec<String> {
    let mut codes: Vec<&str> = document.without_text.iter().map(|(_, code)| code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let sentence = |code: &&str| {
        let pages = document.without_text.iter().filter(|(_, other)| other == code).map(|(page, _)| *page);
        words.unsearchable(&pages.collect::<Vec<u32>>(), &one_line(code, FOREIGN_MOST))
    };
    codes.iter().take(FAULTS_MOST).map(sentence).collect()
}

/// Why this copy is where it is.
pub(super) fn because(because: Option<&Because<'_>>, words: Words) -> Option<String> {
    because.map(|b| words.because(&one_line(b.sentence, SENTENCE_MOST), &one_line(b.code, FOREIGN_MOST)))
}

/// `1.4 MB`, as mail programs count: powers of ten.
pub(super) fn size(bytes: u64) -> String {
    let tenths = |unit: u64| {
        let tenths = bytes.saturating_mul(10) / unit;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", tenths(1_000_000)),
    }
}
