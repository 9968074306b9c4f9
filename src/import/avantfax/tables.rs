//! [`Tables`]: all rows of the tables that matter, wherever they stood.

use std::collections::BTreeMap;

use super::rows::{Row, csv};
use super::sql;
use crate::import::File;
use crate::import::draft::{Draft, Loss};

/// AvantFAX' tables and their columns, in their order (`create_tables.sql`): a dump need not name columns.
pub(super) const COLUMNS: &[(&str, &[&str])] = &[
    ("DIDRoute", &["didr_id", "routecode", "alias", "contact", "printer", "faxcatid"]),
    ("BarcodeRoute", &["barcode_id", "barcode", "alias", "contact", "printer", "faxcatid"]),
    ("Modems", &["devid", "device", "alias", "contact", "printer", "faxcatid"]),
    ("FaxCategory", &["catid", "name"]),
    ("AddressBook", &["abook_id", "company"]),
    (
        "AddressBookFAX",
        &[
            "abookfax_id",
            "abook_id",
            "faxnumber",
            "email",
            "description",
            "to_person",
            "to_location",
            "to_voicenumber",
            "faxcatid",
            "faxfrom",
            "faxto",
            "printer",
        ],
    ),
    ("AddressBookEmail", &["abookemail_id", "abook_id", "contact_name", "contact_email"]),
    ("DynConf", &["dynconf_id", "device", "callid"]),
    ("DistroList", &["dl_id", "listname", "listdata", "lastmod_date", "lastmod_user"]),
    ("UserAccount", &["uid", "name", "username"]),
];

/// The table that a name means.
pub(super) fn known(name: &str) -> Option<&'static str> {
    COLUMNS.iter().map(|(table, _)| *table).find(|table| table.eq_ignore_ascii_case(name))
}

/// All rows by table.
pub(super) struct Tables(BTreeMap<&'static str, Vec<Row>>);

impl Tables {
    pub(super) fn read(files: &[File], draft: &mut Draft<'_>) -> Self {
        let mut tables: BTreeMap<&'static str, Vec<Row>> = BTreeMap::new();
        for file in files {
            let stem = file.name.rsplit('/').next().unwrap_or(&file.name);
            let stem = stem.split('.').next().unwrap_or(stem);
            let is_sql = file.name.to_ascii_lowercase().ends_with(".sql");
            let (rows, bad) = match known(stem).filter(|_| !is_sql) {
                Some(table) => csv(file, table),
                None => sql::rows(file),
            };
            for (line, why) in bad {
                draft.left(&file.name, line, Loss::Routing, why);
            }
            for row in rows {
                if let Some(table) = known(&row.table) {
                    tables.entry(table).or_default().push(row);
                }
            }
        }
        Self(tables)
    }

    pub(super) fn rows(&self, table: &str) -> &[Row] {
        self.0.get(table).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
