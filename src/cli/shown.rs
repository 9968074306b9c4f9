//! Foreign text made safe for a terminal, and tables.

use comfy_table::{ContentArrangement, Table, presets};

use crate::fax::{Millis, StationId, one_line};

/// One line without control or reordering characters: a station name must not drive a terminal.
pub fn line(text: &str) -> String {
    one_line(text, StationId::SHOWN_CHARS)
}

/// The longest sentence that is shown: a fault's own words and a server's reply fit.
const SENTENCE_CHARS: usize = 600;

/// A sentence of ours that may quote foreign words: as safe as [`line()`], but not cut after a few words.
pub fn sentence(text: &str) -> String {
    one_line(text, SENTENCE_CHARS)
}

/// [`line()`] for an optional field; a dash where nothing is known.
pub fn or_dash<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| line(&value.to_string()))
}

/// A moment in local time, to the second.
pub fn moment(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(
        |_| "–".to_owned(),
        |at| at.to_zoned_datetime(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// An empty table with these headings.
pub fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headings.iter().copied());
    table
}

/// A number of things in words that agree: `1 fax`, `2 faxes`.
pub fn counted(count: usize, thing: &str) -> String {
    match (count, thing.ends_with('x')) {
        (1, _) => format!("1 {thing}"),
        (_, true) => format!("{count} {thing}es"),
        (_, false) => format!("{count} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_shown_whole_and_safe() {
        let said = "Refused for good: 550 no such user here. Correct the department's address or ask. [deliver.smtp.550]";
        assert_eq!(sentence(said), said);
        assert_eq!(sentence("a\u{1b}[31m\nb"), "a [31m b");
        assert!(line(said).len() < said.len());
    }
}
