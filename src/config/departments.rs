//! `departments.toml`: who gets faxes, and where.

use std::path::PathBuf;

use toml_span::{Span, Spanned};

use super::codes;
use super::letters;
use super::machine::Machine;
use super::mail::check_address;
use super::sheet::{Note, Sheet};
use super::spools::Names;
use super::suggest::nearest;
use super::table::Reader;
use crate::deliver::addressbook::AddressBook;
use crate::fax::{Department, Language, Target};

/// Deliveries to the fallback inbox bear this name, so no department may.
const RESERVED: &str = "fallback";

/// A department and its places.
pub(super) struct DepartmentEntry {
    pub(super) department: Department,
    pub(super) id_at: Span,
    pub(super) maildir: Option<Spanned<PathBuf>>,
}

/// What `departments.toml` says.
pub(super) struct Departments<'a> {
    pub(super) sheet: Sheet<'a>,
    pub(super) list: Vec<DepartmentEntry>,
    pub(super) fallback: Option<Target>,
    pub(super) fallback_id: Option<String>,
    pub(super) senders: AddressBook,
}

impl Departments<'_> {
    pub(super) fn find(&self, id: &str) -> Option<&Department> {
        self.list.iter().map(|entry| &entry.department).find(|department| department.id == id)
    }

    /// Says that a name means no department, and which one was likely meant.
    pub(super) fn unknown(&self, id: &str) -> Note {
        let ids = || self.list.iter().map(|entry| entry.department.id.as_str());
        let note = Note::error(codes::DEPARTMENT_UNKNOWN, format!("there is no department \"{id}\""));
        match nearest(id, ids()) {
            Some(near) => note.help(format!("did you mean \"{near}\"?")),
            None => note.help(format!("departments are: {}", ids().collect::<Vec<_>>().join(", "))),
        }
    }
}

/// Reads the file; `None` if it is no TOML.
pub(super) fn read<'a>(sheet: Sheet<'a>, machine: Option<&Machine<'_>>) -> Option<Departments<'a>> {
    let mut top = sheet.top()?;
    let fallback_id = top.required_text("fallback");
    let mut names = Names::default();
    let list: Vec<DepartmentEntry> =
        top.tables("department").into_iter().filter_map(|table| one(table, machine, &mut names)).collect();
    let senders = letters::senders(top.tables("sender"));
    top.finish();
    let mut departments = Departments { sheet, list, fallback: None, fallback_id: None, senders };
    if departments.list.is_empty() {
        sheet.note_file(Note::error(codes::DEPARTMENT_NONE, "there is no [[department]]"));
    } else if let Some(id) = fallback_id {
        departments.fallback = fallback(&departments, &id);
        departments.fallback_id = Some(id.value);
    }
    Some(departments)
}

fn fallback(departments: &Departments<'_>, id: &Spanned<String>) -> Option<Target> {
    let Some(department) = departments.find(&id.value) else {
        departments.sheet.note(id.span, departments.unknown(&id.value));
        return None;
    };
    if let [target] = department.targets.as_slice() {
        return Some(target.clone());
    }
    // one without any target has its own finding
    if department.targets.len() > 1 {
        let message =
            format!("the fallback department \"{}\" has {} targets", id.value, department.targets.len());
        let note = Note::error(codes::DEPARTMENT_FALLBACK, message);
        departments
            .sheet
            .note(id.span, note.help("the last resort is one inbox: give it a department of its own"));
    }
    None
}

fn one(mut table: Reader<'_>, machine: Option<&Machine<'_>>, names: &mut Names) -> Option<DepartmentEntry> {
    let id = table.required_text("id");
    if let Some(id) = &id {
        names.check(&table, "department", id);
        if id.value.eq_ignore_ascii_case(RESERVED) {
            let message = format!("\"{RESERVED}\" names the fallback inbox and cannot be a department");
            table.sheet().note(id.span, Note::error(codes::NAME_FORM, message));
        }
    }
    let name = table.required_text("name");
    if let Some(name) = &name
        && (name.value.trim().is_empty() || name.value.chars().any(char::is_control))
    {
        table.sheet().note(name.span, Note::error(codes::NAME_FORM, "`name` is one line of text for people"));
    }
    let (targets, maildir) = targets(&mut table, machine);
    let words = [("en", Language::En), ("zh-hant", Language::ZhHant)];
    let language = table.choice("language", &words).map(|language| language.value).unwrap_or_default();
    let sensitive = table.flag("sensitive").is_some_and(|flag| flag.value);
    let mail = letters::style(&mut table);
    table.finish();
    let id = id?;
    let name = name.map_or_else(|| id.value.clone(), |name| name.value);
    let department = Department { id: id.value, name, targets, language, sensitive, mail };
    Some(DepartmentEntry { department, id_at: id.span, maildir })
}

fn targets(table: &mut Reader<'_>, machine: Option<&Machine<'_>>) -> (Vec<Target>, Option<Spanned<PathBuf>>) {
    let named = table.has("mail") || table.has("maildir");
    let addresses = table.texts("mail").map_or(vec![], |list| list.value);
    let no_relay = machine.and_then(|machine| machine.mail.as_ref()).is_some_and(|mail| !mail.relay_named);
    let mut targets = Vec::new();
    for address in addresses {
        if !check_address(table, "mail", &address) {
            continue;
        }
        if no_relay {
            let note =
                Note::error(codes::MAIL_NO_RELAY, format!("no relay can take mail for {}", address.value));
            table
                .sheet()
                .note(address.span, note.help("set [mail.relay] in faxgate.toml, or deliver to a `maildir`"));
        }
        let target = Target::Mail(address.value);
        if targets.contains(&target) {
            let note =
                Note::error(codes::NAME_DUPLICATE, format!("{target} stands twice in this department"));
            table.sheet().note(address.span, note);
        } else {
            targets.push(target);
        }
    }
    let maildir = table.path("maildir");
    targets.extend(maildir.iter().map(|path| Target::Maildir(path.value.clone())));
    if !named {
        let note = Note::error(codes::DEPARTMENT_NO_TARGET, format!("{} has no target", table.what()));
        table.sheet().note(table.head(), note.help("say where its faxes go: `mail`, `maildir` or both"));
    }
    (targets, maildir)
}
