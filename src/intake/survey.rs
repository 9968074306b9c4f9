//! What lies in a spool: candidates with what belongs to them. Looks at names, sizes and times; opens tickets and sidecars alone.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::look::{self, Entry};
use super::mgetty::{self, PageName};
use super::ticket::{self, Ticket};
use super::{FAILED, IntakeError, Kind, Spool, hylafax, sidecar};
use crate::fax::{CallRecord, Millis};

/// One fax, or what will be one.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The file's name; for mgetty the group's.
    pub name: String,
    /// One file, or mgetty's pages in order. Never empty.
    pub files: Vec<Entry>,
    /// mgetty's page names, beside `files`.
    pub pages: Vec<PageName>,
    /// Tickets that name it and are not older than it, newest last.
    pub tickets: Vec<Slip>,
    /// A sidecar beside it that is not older than it.
    pub sidecar: Option<(Entry, CallRecord)>,
}

/// A ticket in its folder.
#[derive(Debug, Clone)]
pub struct Slip {
    /// The ticket's own file.
    pub entry: Entry,
    /// What it says.
    pub ticket: Ticket,
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable code.
    pub code: &'static str,
    /// The file.
    pub name: String,
    /// What about it.
    pub words: String,
}

/// A spool at one moment.
#[derive(Debug, Default)]
pub struct Survey {
    /// Faxes and what will be faxes.
    pub candidates: Vec<Candidate>,
    /// Tickets of this spool whose file is not there.
    pub without_file: Vec<Slip>,
    /// Sidecars whose file is not there.
    pub lone_sidecars: Vec<(Entry, CallRecord)>,
    /// Records of calls that brought no page, from where such records alone lie.
    pub empty_calls: Vec<(Entry, CallRecord)>,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

/// A ticket or a sidecar is written after its file. It may seem older by so much, for a copy that kept no order.
const SLACK: Millis = 2_000;

impl Candidate {
    /// What makes it this arrival: of every file its name, inode, size and time.
    pub fn key(&self) -> String {
        match self.files.as_slice() {
            [file] if self.pages.is_empty() => file.id.key(&file.name),
            files => {
                let keys: Vec<String> = files.iter().map(|file| file.id.key(&file.name)).collect();
                format!(
                    "{}|{}|{}",
                    self.name,
                    files.len(),
                    crate::fax::Sha256::of(keys.join("\n").as_bytes())
                )
            }
        }
    }

    /// Where it lies: two that look alike in text (a blank at the end, another encoding) are two.
    pub fn place(&self) -> PathBuf {
        match self.files.as_slice() {
            [file] if self.pages.is_empty() => file.path.clone(),
            _ => PathBuf::from(&self.name),
        }
    }

    /// When its content changed last.
    pub fn written(&self) -> Millis {
        self.files.iter().map(|file| file.id.written()).max().unwrap_or(0)
    }

    /// When anything about it changed last.
    pub fn touched(&self) -> Millis {
        self.files.iter().map(|file| file.id.touched()).max().unwrap_or(0)
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.id.size).sum()
    }
}

/// Looks at a spool. Tickets are listed before files: a ticket is written after its file, so a file that a listed
/// ticket names and that is not there is not there.
pub fn survey(spool: &Spool) -> Result<Survey, IntakeError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| IntakeError::Folder { path, source }
    };
    let mut survey = Survey::default();
    let slips = match &spool.tickets {
        Some(folder) => tickets(folder, &mut survey.findings).map_err(unreadable(folder))?,
        None => Vec::new(),
    };
    let entries = look::list(&spool.path).map_err(unreadable(&spool.path))?;
    match spool.kind {
        Kind::Hylafax => single_files(entries, hylafax::is_candidate, &mut survey),
        Kind::Mgetty => pages(entries, &mut survey),
        Kind::Drop => dropped(entries, &mut survey),
        Kind::T38 => {
            received(entries, &mut survey);
            let folder = spool.path.join(FAILED);
            failed(&folder, &mut survey).map_err(unreadable(&folder))?;
        }
    }
    assign(slips, spool, &mut survey);
    Ok(survey)
}

/// Tickets of a folder; none where there is no folder yet. A folder that cannot be read is an error: without its ticket
/// a fax would go where its number does not say.
fn tickets(folder: &Path, findings: &mut Vec<Finding>) -> io::Result<Vec<Slip>> {
    let entries = match look::list(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed?,
    };
    let mut slips = Vec::new();
    for entry in entries.into_iter().filter(|entry| entry.regular && is_json(&entry.name)) {
        let read = look::read_whole(&entry.path, ticket::MOST_BYTES).map(|read| read.map(|(bytes, _)| bytes));
        match read {
            Ok(Some(bytes)) => match Ticket::parse(&bytes) {
                Ok(ticket) => slips.push(Slip { entry, ticket }),
                Err(error) => findings.push(Finding {
                    code: "intake.ticket.unreadable",
                    name: entry.name,
                    // The error's own words may quote a number.
                    words: format!("this is no ticket: line {}, column {}", error.line(), error.column()),
                }),
            },
            Ok(None) => findings.push(Finding {
                code: "intake.ticket.unreadable",
                name: entry.name,
                words: "it is too long for a ticket".to_owned(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => findings.push(Finding {
                code: "intake.ticket.unreadable",
                name: entry.name,
                words: format!("it cannot be read: {error}"),
            }),
        }
    }
    Ok(slips)
}

fn is_json(name: &str) -> bool {
    !name.starts_with('.') && name.ends_with(".json")
}

/// Sorts out what is no regular file: named once, never opened.
fn regular(entry: Entry, findings: &mut Vec<Finding>) -> Option<Entry> {
    if entry.regular {
        return Some(entry);
    }
    findings.push(Finding {
        code: "intake.not-a-file",
        name: entry.name,
        words: "it is a link or a device, which no fax server makes; it is not opened".to_owned(),
    });
    None
}

fn single(entry: Entry) -> Candidate {
    Candidate {
        name: entry.name.clone(),
        files: vec![entry],
        pages: Vec::new(),
        tickets: Vec::new(),
        sidecar: None,
    }
}

fn single_files(entries: Vec<Entry>, fits: impl Fn(&str) -> bool, survey: &mut Survey) {
    for entry in entries.into_iter().filter(|entry| fits(&entry.name)) {
        survey.candidates.extend(regular(entry, &mut survey.findings).map(single));
    }
}

fn pages(entries: Vec<Entry>, survey: &mut Survey) {
    let mut by_name = BTreeMap::new();
    for entry in entries.into_iter().filter(|entry| PageName::parse(&entry.name).is_some()) {
        if let Some(entry) = regular(entry, &mut survey.findings) {
            by_name.insert(entry.name.clone(), entry);
        }
    }
    for pages in mgetty::group(by_name.keys().cloned()) {
        let files: Vec<Entry> = pages.iter().filter_map(|page| by_name.get(&page.name).cloned()).collect();
        if let Some(first) = pages.first() {
            let name = first.group();
            survey.candidates.push(Candidate { name, files, pages, tickets: Vec::new(), sidecar: None });
        }
    }
}

fn dropped(entries: Vec<Entry>, survey: &mut Survey) {
    const TAKEN: [&str; 4] = ["tif", "tiff", "pdf", "png"];
    const UNFINISHED: [&str; 4] = ["tmp", "part", "partial", "filepart"];
    let extension =
        |name: &str| name.rsplit_once('.').map(|(_, last)| last.to_ascii_lowercase()).unwrap_or_default();
    let mut sidecars = Vec::new();
    for entry in entries {
        let kind = extension(&entry.name);
        if entry.name.starts_with('.') || entry.name.ends_with('~') || UNFINISHED.contains(&kind.as_str()) {
            continue;
        }
        if kind == "json" {
            sidecars.extend(regular(entry, &mut survey.findings));
        } else if TAKEN.contains(&kind.as_str()) {
            survey.candidates.extend(regular(entry, &mut survey.findings).map(single));
        } else {
            survey.findings.push(Finding {
                code: "intake.drop.unknown",
                name: entry.name,
                words: "only .tif, .tiff, .pdf and .png are taken from a drop folder".to_owned(),
            });
        }
    }
    for entry in sidecars {
        beside(entry, survey);
    }
}

/// What our own receiver leaves: `name.tif` with `name.json`. What it is still at (`.part`, hidden names) is passed over.
fn received(entries: Vec<Entry>, survey: &mut Survey) {
    let mut records = Vec::new();
    for entry in entries.into_iter().filter(|entry| !entry.name.starts_with('.')) {
        match entry.name.rsplit_once('.').map(|(_, last)| last) {
            Some("tif") => survey.candidates.extend(regular(entry, &mut survey.findings).map(single)),
            Some("json") => records.extend(regular(entry, &mut survey.findings)),
            Some("part") => {}
            _ => survey.findings.push(Finding {
                code: "intake.t38.unknown",
                name: entry.name,
                words: "only .tif with .json are taken from the spool of the T.38 receiver".to_owned(),
            }),
        }
    }
    for entry in records {
        beside(entry, survey);
    }
}

/// Records of calls that brought no page. No folder yet: no such call. A link in its place leads nowhere.
fn failed(folder: &Path, survey: &mut Survey) -> io::Result<()> {
    match folder.symlink_metadata() {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    for entry in look::list(folder)?.into_iter().filter(|entry| is_json(&entry.name)) {
        let Some(entry) = regular(entry, &mut survey.findings) else { continue };
        match read_sidecar(&entry) {
            Ok(record) => survey.empty_calls.push((entry, record)),
            Err(words) => {
                survey.findings.push(Finding { code: "intake.sidecar.unreadable", name: entry.name, words });
            }
        }
    }
    Ok(())
}

fn read_sidecar(entry: &Entry) -> Result<CallRecord, String> {
    match look::read_whole(&entry.path, sidecar::MOST_BYTES) {
        Ok(Some((bytes, _))) => sidecar::parse(&bytes).map_err(|error| error.to_string()),
        Ok(None) => Err("it is too long, or still being written".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Puts a sidecar to its file: `name.json` or `name.tif.json` for `name.tif`.
fn beside(entry: Entry, survey: &mut Survey) {
    let stem = entry.name.strip_suffix(".json").unwrap_or(&entry.name).to_owned();
    let file = survey.candidates.iter_mut().find(|candidate| {
        candidate.name == stem || candidate.name.rsplit_once('.').is_some_and(|(s, _)| s == stem)
    });
    let finding = |code, name, words| Finding { code, name, words };
    match (file, read_sidecar(&entry)) {
        (_, Err(words)) => survey.findings.push(finding("intake.sidecar.unreadable", entry.name, words)),
        (Some(file), Ok(_)) if entry.id.written() + SLACK < file.written() => {
            let words = "it is older than its file: it belongs to a fax before, and is not used".to_owned();
            survey.findings.push(finding("intake.sidecar.stale", entry.name, words));
        }
        (Some(file), Ok(record)) if file.sidecar.is_none() => file.sidecar = Some((entry, record)),
        (Some(_), Ok(_)) => {
            let words = "its file has another sidecar already".to_owned();
            survey.findings.push(finding("intake.sidecar.second", entry.name, words));
        }
        (None, Ok(record)) => survey.lone_sidecars.push((entry, record)),
    }
}

/// Gives each ticket to the candidate that it names.
fn assign(slips: Vec<Slip>, spool: &Spool, survey: &mut Survey) {
    for slip in slips {
        let Some(names) = slip.ticket.names_in(&spool.path) else {
            survey.findings.push(Finding {
                code: "intake.ticket.elsewhere",
                name: slip.entry.name,
                words: format!("it names a file that is not of spool {}", spool.name),
            });
            continue;
        };
        let named =
            |candidate: &&mut Candidate| candidate.files.iter().any(|file| names.contains(&file.name));
        match survey.candidates.iter_mut().find(named) {
            Some(candidate) if slip.entry.id.written() + SLACK >= candidate.written() => {
                candidate.tickets.push(slip)
            }
            // The file is of a later call under the same name: the ticket's own file is gone.
            Some(_) | None => survey.without_file.push(slip),
        }
    }
}

/// The folder where used tickets lie, beside the tickets.
pub fn done_folder(spool: &Spool) -> Option<PathBuf> {
    spool.tickets.as_ref().map(|folder| folder.join("done"))
}
