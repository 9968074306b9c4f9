//! Folders that must not be one another: a spool that holds what the gateway writes would be read as new faxes.

use std::path::{Path, PathBuf};

use toml_span::Span;

use super::codes;
use super::departments::Departments;
use super::machine::Machine;
use super::sheet::{Note, Sheet};
use crate::intake::Kind;

struct Place<'a> {
    what: String,
    path: PathBuf,
    sheet: Sheet<'a>,
    at: Span,
}

/// Compares every folder that is watched with every other and with those that are written.
pub(super) fn check(machine: &Machine<'_>, departments: &Departments<'_>) {
    let watched: Vec<Place<'_>> = machine
        .spools
        .iter()
        .map(|entry| Place {
            what: format!("spool \"{}\"", entry.spool.name),
            path: real(&entry.spool.path),
            sheet: machine.sheet,
            at: entry.path_at,
        })
        .collect();
    for (at, later) in watched.iter().enumerate() {
        if let Some(first) = watched.iter().take(at).find(|first| first.path == later.path) {
            let message =
                format!("{} and {} watch one folder: each fax would come in twice", first.what, later.what);
            let note = Note::error(codes::PATH_COLLISION, message);
            later.sheet.note(later.at, note.label("again here").also(first.at, "first here"));
        }
    }
    if let Some(t38) = &machine.t38
        && !machine.spools.iter().any(|entry| {
            entry.spool.kind == Kind::T38 && real(&entry.spool.path) == real(&t38.settings.spool)
        })
    {
        let message = "no [[spool]] of kind \"t38\" watches the folder where `faxgate t38` leaves its faxes";
        let note = Note::warning(codes::T38_SPOOL, message);
        machine.sheet.note(t38.spool_at, note.help("unless another machine does, nobody takes them in"));
    }
    for place in written(machine, departments) {
        for spool in watched.iter().filter(|spool| place.path.starts_with(&spool.path)) {
            let message = format!("{} lies in the folder of {}", place.what, spool.what);
            let note = Note::error(codes::PATH_COLLISION, message);
            place.sheet.note(place.at, note.help("what is written there would be taken for new faxes"));
        }
    }
    let mut folders: Vec<(PathBuf, Span)> = Vec::new();
    for entry in &machine.spools {
        let (Some(tickets), Some(at)) = (&entry.spool.tickets, entry.tickets_at) else { continue };
        if let Some((_, first)) = folders.iter().find(|(folder, _)| *folder == real(tickets)) {
            let message = "two spools share one folder of tickets: one would use up the other's";
            let note = Note::error(codes::PATH_COLLISION, message);
            machine.sheet.note(at, note.label("again here").also(*first, "first here"));
        }
        folders.push((real(tickets), at));
        if watched.iter().any(|spool| spool.path == real(tickets)) {
            let note =
                Note::error(codes::PATH_COLLISION, "tickets need a folder of their own, not a spool's");
            machine.sheet.note(at, note);
        }
    }
}

fn written<'a>(machine: &Machine<'a>, departments: &Departments<'a>) -> Vec<Place<'a>> {
    let mut places = vec![Place {
        what: "the data folder".to_owned(),
        path: real(&machine.data.value),
        sheet: machine.sheet,
        at: machine.data.span,
    }];
    for entry in &machine.spools {
        places.extend(entry.moved_to.as_ref().map(|folder| Place {
            what: format!("the folder to which spool \"{}\" is moved", entry.spool.name),
            path: real(&folder.value),
            sheet: machine.sheet,
            at: folder.span,
        }));
    }
    for entry in &departments.list {
        places.extend(entry.maildir.as_ref().map(|folder| Place {
            what: format!("the Maildir of department \"{}\"", entry.department.id),
            path: real(&folder.value),
            sheet: departments.sheet,
            at: folder.span,
        }));
    }
    places
}

/// The path with links resolved, as far as it exists.
fn real(path: &Path) -> PathBuf {
    for known in path.ancestors() {
        if let Ok(resolved) = std::fs::canonicalize(known) {
            return match path.strip_prefix(known) {
                Ok(rest) if !rest.as_os_str().is_empty() => resolved.join(rest),
                _ => resolved,
            };
        }
    }
    path.to_path_buf()
}
