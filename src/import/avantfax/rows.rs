//! [`Row`]: a row of a table, and the same out of CSV.

use crate::import::File;

/// A row with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) table: String,
    pub(super) file: String,
    pub(super) line: u32,
    /// Column and value; `None` is NULL.
    pub(super) cells: Vec<(String, Option<String>)>,
}

impl Row {
    /// A cell that holds something; a name's case does not count, as in MySQL.
    pub(super) fn text(&self, column: &str) -> Option<&str> {
        let cell = self.cells.iter().find(|(name, _)| name.eq_ignore_ascii_case(column));
        cell.and_then(|(_, value)| value.as_deref()).map(str::trim).filter(|value| !value.is_empty())
    }
}

/// Rows of a file with a head line (`mysql --batch`, phpMyAdmin's CSV), and lines that are none. A tab in the head makes it
/// a file with tabs.
pub(super) fn csv(file: &File, table: &str) -> (Vec<Row>, Vec<(u32, String)>) {
    let text = file.text.trim_start_matches('\u{feff}');
    let head = text.lines().next().unwrap_or("");
    let separator = [b'\t', b';'].into_iter().find(|byte| head.contains(char::from(*byte))).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .quoting(separator != b'\t')
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    let mut columns: Vec<String> = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                bad.push((u32::try_from(line).unwrap_or(u32::MAX), format!("no CSV: {error}")));
                continue;
            }
        };
        if columns.is_empty() {
            columns = record.iter().map(|name| name.trim().trim_matches('`').to_owned()).collect();
            continue;
        }
        let line = u32::try_from(record.position().map_or(0, csv::Position::line)).unwrap_or(u32::MAX);
        if record.len() != columns.len() {
            bad.push((line, format!("{} values for {} columns", record.len(), columns.len())));
            continue;
        }
        let value = |text: &str| match text {
            "NULL" | "\\N" => None,
            text => Some(text.to_owned()),
        };
        let cells = columns.iter().cloned().zip(record.iter().map(value)).collect();
        rows.push(Row { table: table.to_owned(), file: file.name.clone(), line, cells });
    }
    (rows, bad)
}
