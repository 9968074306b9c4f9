//! `[[spool]]` of `faxgate.toml`.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml_span::{Span, Spanned};

use super::codes;
use super::sheet::{Note, Sheet};
use super::table::{Reader, choose};
use crate::fax::Number;
use crate::intake::{CallIdMap, Kind, Release, Spool};
use crate::route::{DevicePattern, NumberPattern, NumberPlan};

/// A sending machine may think for a minute between two pages, and the file stands still for as long.
const DEFAULT_QUIET: Duration = Duration::from_secs(120);
const QUIET: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3_600);

/// Meanings that a CallID can have.
const CALL_ID_FIELDS: [&str; 5] = ["caller", "caller_name", "did", "subaddress", "ignore"];

/// A spool and the places of what may collide.
pub(super) struct SpoolEntry {
    pub(super) spool: Spool,
    pub(super) path_at: Span,
    pub(super) moved_to: Option<Spanned<PathBuf>>,
    pub(super) tickets_at: Option<Span>,
}

/// Reads all spools. One that lacks its name, kind or path is left out, and a finding says so.
pub(super) fn read(sheet: Sheet<'_>, tables: Vec<Reader<'_>>, numbers: &NumberPlan) -> Vec<SpoolEntry> {
    if tables.is_empty() {
        let note = Note::warning(codes::SPOOL_NONE, "there is no [[spool]]: nothing will be received");
        sheet.note_file(note);
    }
    let mut names = Names::default();
    tables.into_iter().filter_map(|table| one(table, numbers, &mut names)).collect()
}

fn one(mut table: Reader<'_>, numbers: &NumberPlan, names: &mut Names) -> Option<SpoolEntry> {
    let name = table.required_text("name");
    if let Some(name) = &name {
        names.check(&table, "spool", name);
    }
    let words =
        [("hylafax", Kind::Hylafax), ("mgetty", Kind::Mgetty), ("drop", Kind::Drop), ("t38", Kind::T38)];
    if !table.has("kind") {
        table.missing("kind");
    }
    let kind = table.choice("kind", &words);
    if !table.has("path") {
        table.missing("path");
    }
    let path = table.folder("path");
    if let Some(kind) = &kind {
        misplaced(&table, kind);
    }
    let logs = table.folder("logs");
    let tickets = table.path("tickets");
    let (release, moved_to) = release(&mut table, kind.as_ref());
    let quiet = table.duration("quiet", QUIET);
    let poll = table.flag("poll");
    let ticket_only = table.flag("ticket_only");
    if let (Some(only), None) = (ticket_only.as_ref().filter(|only| only.value), &tickets) {
        let note = Note::error(
            codes::SPOOL_TICKETS,
            "`ticket_only` without `tickets`: no fax would ever be complete",
        );
        table
            .sheet()
            .note(only.span, note.help("name the folder where the hook leaves its tickets: `tickets`"));
    }
    let finished_mode = table.parsed("finished_mode", codes::VALUE_FORM, mode);
    let did = did(&mut table, numbers);
    let call_ids = call_ids(&mut table);
    table.finish();
    let (name, kind, path) = (name?, kind?, path?);
    Some(SpoolEntry {
        path_at: path.span,
        moved_to,
        tickets_at: tickets.as_ref().map(|tickets| tickets.span),
        spool: Spool {
            name: name.value,
            kind: kind.value,
            path: path.value,
            tickets: tickets.map(|path| path.value),
            logs: logs.map(|path| path.value),
            release,
            quiet: quiet.map_or(DEFAULT_QUIET, |quiet| quiet.value),
            poll: poll.is_some_and(|poll| poll.value),
            ticket_only: ticket_only.is_some_and(|only| only.value),
            // The machine's limit takes its place once it is read.
            most_bytes: crate::decode::Limits::default().bytes,
            finished_mode: finished_mode.map(|mode| mode.value),
            call_ids,
            did,
        },
    })
}

/// Kinds of spools that other programs write.
const FOREIGN: &[Kind] = &[Kind::Hylafax, Kind::Mgetty, Kind::Drop];

/// Keys that mean nothing for this kind of spool.
fn misplaced(table: &Reader<'_>, kind: &Spanned<Kind>) {
    for (key, kinds, words) in [
        ("logs", &[Kind::Hylafax][..], "HylaFAX spools alone"),
        ("finished_mode", &[Kind::Hylafax], "HylaFAX spools alone"),
        ("call_ids", &[Kind::Hylafax, Kind::Drop], "spools of TIFF files"),
        // What our own receiver leaves is complete by its record, and nothing else is asked.
        ("tickets", FOREIGN, "spools of other programs"),
        ("ticket_only", FOREIGN, "spools of other programs"),
        ("quiet", FOREIGN, "spools of other programs"),
    ] {
        if table.has(key) && !kinds.contains(&kind.value) {
            let note = Note::error(codes::KEY_MISPLACED, format!("`{key}` is for {words}"));
            table.sheet().note(table.head(), note.also(kind.span, "this spool's kind"));
        }
    }
}

/// What happens to a fax's file once the store holds it. Our own receiver's spool is nobody else's: left there, faxes
/// would fill its disk, and it would take no more calls.
fn release(table: &mut Reader<'_>, kind: Option<&Spanned<Kind>>) -> (Release, Option<Spanned<PathBuf>>) {
    #[derive(Clone, Copy, PartialEq)]
    enum Word {
        Leave,
        Move,
        Delete,
    }
    let words = [("leave", Word::Leave), ("move", Word::Move), ("delete", Word::Delete)];
    let word = table.choice("release", &words);
    let own = kind.filter(|kind| kind.value == Kind::T38);
    if let (Some(kind), Some(word)) = (own, word.as_ref().filter(|word| word.value == Word::Leave)) {
        let note = Note::error(codes::KEY_MISPLACED, "`release = \"leave\"` is for spools of other programs");
        table.sheet().note(word.span, note.also(kind.span, "nobody but the gateway empties this one"));
    }
    let otherwise = if own.is_some() { Word::Delete } else { Word::Leave };
    let chosen = word.as_ref().map_or(otherwise, |word| word.value);
    let wants_folder = chosen == Word::Move;
    if wants_folder && !table.has("move_to") {
        table.missing("move_to");
    }
    let folder = table.path("move_to");
    if let (false, Some(folder)) = (wants_folder, &folder) {
        let note = Note::error(codes::KEY_MISPLACED, "`move_to` without release = \"move\" does nothing");
        table.sheet().note(folder.span, note);
    }
    let release = match (chosen, &folder) {
        (Word::Move, Some(folder)) => Release::Move(folder.value.clone()),
        (Word::Delete, _) => Release::Delete,
        _ => Release::Leave,
    };
    (release, folder.filter(|_| wants_folder))
}

fn did(table: &mut Reader<'_>, numbers: &NumberPlan) -> Option<String> {
    let did = table.text("did")?;
    if did.value.contains('*') || NumberPattern::parse(&did.value, numbers).is_err() {
        let note = Note::error(codes::NUMBER, "`did` is no telephone number");
        table.sheet().note(
            did.span,
            note.help("one number, such as \"2810 1001\": every fax of this spool came to it"),
        );
        return None;
    }
    Some(Number(did.value).0)
}

fn call_ids(table: &mut Reader<'_>) -> Vec<CallIdMap> {
    let mut maps = Vec::new();
    for mut map in table.tables("call_ids") {
        let device = map.text("device");
        if let Some(device) = &device
            && let Err(error) = DevicePattern::parse(&device.value)
        {
            let at = map.sheet().within(device.span, &device.value, error.at);
            map.sheet().note(at, Note::error(codes::RULES_PATTERN, format!("`device`: {}", error.message)));
        }
        if !map.has("fields") {
            map.missing("fields");
        }
        let words = CALL_ID_FIELDS.map(|field| (field, field.to_owned()));
        let fields = map.texts("fields").map_or(vec![], |fields| fields.value);
        let fields = fields
            .iter()
            .filter_map(|field| choose(map.sheet(), field, "a CallID's meaning", &words))
            .collect();
        map.finish();
        maps.push(CallIdMap { device: device.map_or("*".to_owned(), |device| device.value), fields });
    }
    maps
}

fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 && mode != 0o600 => Ok(mode),
        Ok(0o600) => Err("0600 is the mode of a fax still being received; leave the key out".to_owned()),
        _ => Err("expected a file mode in octal digits such as \"0644\"".to_owned()),
    }
}

/// Names that must differ, with the place where each was first used.
#[derive(Default)]
pub(super) struct Names(HashMap<String, Span>);

impl Names {
    /// Names stand in file names, headers, tables and URLs.
    const LONGEST: usize = 64;

    /// Checks form and uniqueness. Case does not make two names different.
    pub(super) fn check(&mut self, table: &Reader<'_>, what: &str, name: &Spanned<String>) {
        let text = name.value.as_str();
        let good = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.len() <= Self::LONGEST
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !good {
            let message = format!("{text:?} cannot name a {what}");
            let help = format!(
                "letters, digits, '-', '_' and '.', at most {}, a letter or digit first",
                Self::LONGEST
            );
            table.sheet().note(name.span, Note::error(codes::NAME_FORM, message).help(help));
        }
        match self.0.get(&text.to_ascii_lowercase()) {
            Some(first) => {
                let note = Note::error(codes::NAME_DUPLICATE, format!("two {what}s are called \"{text}\""));
                table.sheet().note(name.span, note.label("again here").also(*first, "first here"));
            }
            None => {
                self.0.insert(text.to_ascii_lowercase(), name.span);
            }
        }
    }
}
