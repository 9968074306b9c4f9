//! AvantFAX' tables (its `create_tables.sql`, versions 3.0 to 3.3), as a MySQL dump or as CSV with a head line.
//!
//! What AvantFAX does with a fax (its `faxrcvd.php`): the route of the DID or, where DID routing is off, of the modem gives
//! an address; the address book's fax-to-mail address of the sender takes its place; the route of a barcode takes the place
//! of both. So barcodes come first here, then senders, then numbers or modems. `DynConf` lists callers whose calls are
//! refused: here they are set aside as junk, reversibly.
//!
//! Real databases: routes that AvantFAX made itself for every DID that it saw, without an address; the same number in
//! two companies, which AvantFAX then ignores; categories and printers, which are no recipients.

mod rows;
mod sql;
mod tables;

use std::collections::BTreeMap;

use super::draft::{Demands, Draft, DraftRule, Imported, Loss};
use super::entry::{Field, Piece, entries};
use super::{Choices, File, hopeless};
use crate::fax::Fault;
use rows::Row;
use tables::Tables;

/// Translates the tables that the files hold.
pub fn import(files: &[File], choices: &Choices) -> Result<Imported, Fault> {
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let mut draft = Draft::new(choices, &names.join(", "));
    let tables = Tables::read(files, &mut draft);
    if tables.is_empty() {
        return Err(hopeless(
            "import.no-tables",
            "None of AvantFAX' tables is in these files: give a dump (mysqldump avantfax) or CSV files named after the tables, such as DIDRoute.csv.",
        ));
    }
    let mut importer = Importer { draft: &mut draft, choices, categories: categories(&tables) };
    importer.refused(&tables);
    importer.routes(tables.rows("BarcodeRoute"), "barcode", Field::Barcode);
    importer.senders(&tables);
    importer.lines(&tables);
    importer.rest(&tables);
    draft.finish()
}

struct Importer<'a, 'c> {
    draft: &'a mut Draft<'c>,
    choices: &'c Choices,
    categories: BTreeMap<String, String>,
}

fn categories(tables: &Tables) -> BTreeMap<String, String> {
    let rows = tables.rows("FaxCategory").iter();
    rows.filter_map(|row| Some((row.text("catid")?.to_owned(), row.text("name")?.to_owned()))).collect()
}

impl Importer<'_, '_> {
    fn left(&mut self, row: &Row, loss: Loss, why: impl Into<String>) {
        self.draft.left(&row.file, row.line, loss, why);
    }

    /// A text that means itself, as entries of a condition.
    fn entries(&mut self, row: &Row, field: Field, text: &str) -> Option<Vec<String>> {
        let pattern: Vec<Piece> = text.trim().chars().map(Piece::Char).collect();
        match entries(field, &pattern, &self.choices.numbers) {
            Ok(entries) => entries,
            Err(why) => {
                self.left(row, Loss::Routing, format!("{text:?}: {why}"));
                None
            }
        }
    }

    /// Addresses of a `contact` or `email` column, each titled by the row.
    fn recipients(&mut self, row: &Row, column: &str, title: Option<&str>) -> Option<Vec<String>> {
        let written = row.text(column)?.to_owned();
        let mut to = Vec::new();
        for part in written.split([',', ';', ' ']).filter(|part| !part.trim().is_empty()) {
            match self.draft.address(part) {
                Ok(address) if to.contains(&address) => {}
                Ok(address) => {
                    if let Some(title) = title {
                        self.draft.title(&address, title);
                    }
                    to.push(address);
                }
                Err(why) => {
                    self.left(row, Loss::Routing, why);
                    return None;
                }
            }
        }
        (!to.is_empty()).then_some(to)
    }

    /// Category and printer of a row: said, and left out.
    fn besides(&mut self, row: &Row) -> Vec<String> {
        if let Some(category) = row.text("faxcatid").filter(|id| *id != "0") {
            let name = self.categories.get(category).map_or(category, String::as_str).to_owned();
            let why = format!("the category \"{name}\": there are no categories; a department is an inbox");
            self.left(row, Loss::Detail, why);
        }
        match row.text("printer").map(str::to_owned) {
            Some(printer) => {
                let why = format!(
                    "prints on \"{printer}\": add a [[printer]] and take the # from the rule's `printer`"
                );
                self.left(row, Loss::Routing, why);
                vec![printer]
            }
            None => vec![],
        }
    }

    /// DIDRoute, BarcodeRoute, Modems: a pattern, an alias, a contact.
    fn routes(&mut self, rows: &[Row], column: &str, field: Field) {
        for row in rows {
            let Some(pattern) = row.text(column).map(str::to_owned) else { continue };
            let alias = row.text("alias").unwrap_or("").to_owned();
            let printers = self.besides(row);
            let Some(to) = self.recipients(row, "contact", Some(&alias)) else {
                if row.text("contact").is_none() {
                    let why = format!(
                        "\"{pattern}\" ({alias}) has no address: AvantFAX only showed its faxes; they go where all others go"
                    );
                    self.left(row, Loss::Routing, why);
                }
                continue;
            };
            let Some(entries) = self.entries(row, field, &pattern) else { continue };
            let alias = if alias.is_empty() { alias } else { format!(": {alias}") };
            self.draft.push(DraftRule {
                name: format!("{field}-{pattern}"),
                comment: format!("{}{alias}", row.table),
                when: Demands::from([(field, entries)]),
                to,
                printers,
                ..DraftRule::default()
            });
        }
    }

    /// AddressBookFAX: a sender's number that has a recipient of its own ("fax to mail").
    fn senders(&mut self, tables: &Tables) {
        let companies: BTreeMap<String, String> = tables
            .rows("AddressBook")
            .iter()
            .filter_map(|row| Some((row.text("abook_id")?.to_owned(), row.text("company")?.to_owned())))
            .collect();
        let rows = tables.rows("AddressBookFAX");
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for row in rows {
            *count.entry(row.text("faxnumber").unwrap_or("")).or_default() += 1;
        }
        let mut told = false;
        // AvantFAX asks the TSI only where no caller is known: what it names stands after every caller.
        let mut by_tsi = Vec::new();
        for row in rows.iter().filter(|row| row.text("email").is_some()) {
            let Some(number) = row.text("faxnumber").map(str::to_owned) else { continue };
            if count.get(number.as_str()).copied().unwrap_or(0) > 1 {
                let why = format!(
                    "\"{number}\" stands with several companies, so AvantFAX ignores its address too"
                );
                self.left(row, Loss::Routing, why);
                continue;
            }
            let company = row.text("abook_id").and_then(|id| companies.get(id));
            let comment = company.map_or("fax to mail".to_owned(), |name| format!("fax to mail: {name}"));
            let printers = self.besides(row);
            let Some(to) = self.recipients(row, "email", None) else { continue };
            let Some(entries) = self.entries(row, Field::Caller, &number) else { continue };
            if !told {
                told = true;
                let why = match self.choices.trust_tsi {
                    true => {
                        "AvantFAX takes the TSI only where no caller's number is known; here it counts too for a caller that no rule names"
                    }
                    false => {
                        "where no caller's number is known, AvantFAX takes the TSI, which anyone can claim; here only callers count (--trust-tsi: the TSI too)"
                    }
                };
                self.left(row, Loss::Routing, why);
            }
            let rule = DraftRule { comment, to, printers, ..DraftRule::default() };
            if self.choices.trust_tsi {
                let when = Demands::from([(Field::Tsi, entries.clone())]);
                by_tsi.push(DraftRule { name: format!("tsi-{number}"), when, ..rule.clone() });
            }
            let when = Demands::from([(Field::Caller, entries)]);
            self.draft.push(DraftRule { name: format!("caller-{number}"), when, ..rule });
        }
        for rule in by_tsi {
            self.draft.push(rule);
        }
    }

    /// Numbers or modems: AvantFAX takes one or the other (`$ENABLE_DID_ROUTING`), and fills the table of numbers only
    /// where it takes numbers.
    fn lines(&mut self, tables: &Tables) {
        if tables.rows("DIDRoute").is_empty() {
            self.routes(tables.rows("Modems"), "device", Field::Device);
            return;
        }
        self.routes(tables.rows("DIDRoute"), "routecode", Field::Did);
        for row in tables.rows("Modems").iter().filter(|row| row.text("contact").is_some()) {
            let device = row.text("device").unwrap_or("").to_owned();
            let why = format!(
                "the modem \"{device}\" has an address, which AvantFAX does not use while it routes by number"
            );
            self.left(row, Loss::Detail, why);
        }
    }

    /// DynConf: callers whose calls are refused.
    fn refused(&mut self, tables: &Tables) {
        for row in tables.rows("DynConf") {
            let Some(caller) = row.text("callid").map(str::to_owned) else { continue };
            if caller == "EMPTY CALLID" {
                let why = "calls without a number are refused; no condition asks for a missing caller";
                self.left(row, Loss::Routing, why);
                continue;
            }
            let Some(callers) = self.entries(row, Field::Caller, &caller) else { continue };
            let mut when = Demands::from([(Field::Caller, callers)]);
            let device = row.text("device").filter(|device| !matches!(*device, "any" | "*"));
            if let Some(device) = device.map(str::to_owned) {
                let Some(devices) = self.entries(row, Field::Device, &device) else { continue };
                when.insert(Field::Device, devices);
            }
            self.draft.push(DraftRule {
                name: format!("junk-{caller}"),
                comment: "DynConf: AvantFAX refuses the call; here the fax is set aside".to_owned(),
                when,
                junk: true,
                ..DraftRule::default()
            });
        }
    }

    /// Tables that say who may see what.
    fn rest(&mut self, tables: &Tables) {
        for (table, what) in [
            ("UserAccount", "users and what they may see: a department's inbox decides that"),
            ("DistroList", "distribution lists are for sending"),
            ("AddressBookEmail", "mail addresses of the address book are for sending"),
        ] {
            let rows = tables.rows(table);
            if let Some(row) = rows.first() {
                self.left(row, Loss::Detail, format!("{table}, rows: {}: {what}", rows.len()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
