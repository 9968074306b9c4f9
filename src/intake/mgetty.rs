//! mgetty+sendfax `incoming`: one raw T.4 file a page (mgetty `faxrecp.c`), grouped to one fax.
//!
//! Name: `f`, `n` or `f` (98 or 196 lines an inch), seven hexadecimal digits (the low 28 bits of the start of the
//! call), the last two characters of the line's device, `-` and the sender's identification with everything but
//! letters and digits made `-`, `.` and the page number. The letter may change within a call, since each page has
//! its own resolution; call and line may not. Mode and owner change as the file is opened, and nothing is locked:
//! neither tells when a page is complete.

use crate::fax::{CallRecord, Millis, StationId};

/// One page file's name, understood.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageName {
    /// Low 28 bits of the call's start, seconds since the epoch.
    pub start: u32,
    /// Last two characters of the device.
    pub line: String,
    /// From 1.
    pub page: u32,
    /// 196 lines an inch, else 98.
    pub fine: bool,
    /// The sender's identification as the name has it.
    pub tsi: Option<String>,
    /// The name itself.
    pub name: String,
}

impl PageName {
    /// Understands a file name; `None` if mgetty did not give it.
    pub fn parse(name: &str) -> Option<Self> {
        let (stem, page) = name.rsplit_once('.')?;
        let page_digits = (2..=4).contains(&page.len()) && page.bytes().all(|byte| byte.is_ascii_digit());
        let mut chars = stem.chars();
        let fine = match (chars.next(), chars.next()) {
            (Some('f'), Some('f')) => true,
            (Some('f'), Some('n')) => false,
            _ => return None,
        };
        let hex: String = chars.by_ref().take(7).collect();
        if !page_digits
            || hex.len() != 7
            || !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            return None;
        }
        let line: String = chars.by_ref().take(2).collect();
        let rest = chars.as_str();
        let line_fits =
            line.chars().count() == 2 && line.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        let tsi = match rest.strip_prefix('-') {
            Some(id) => super::foreign::told(id),
            None if rest.is_empty() => None,
            None => return None,
        };
        if !line_fits {
            return None;
        }
        Some(Self {
            start: u32::from_str_radix(&hex, 16).ok()?,
            line,
            page: page.parse().ok()?,
            fine,
            tsi,
            name: name.to_owned(),
        })
    }

    /// What the pages of one fax have in common.
    pub fn group(&self) -> String {
        format!("f{:07x}{}", self.start, self.line)
    }

    /// When the call began: the only moment in the last 2^28 seconds (8½ years) that has these low bits.
    pub fn started(&self, now: Millis) -> Millis {
        const SPAN: i64 = 1 << 28;
        /// The modem server's clock may be ahead of ours.
        const AHEAD: i64 = 86_400;
        let now = now / 1000;
        let since = (now + AHEAD - i64::from(self.start)).rem_euclid(SPAN);
        (now + AHEAD - since) * 1000
    }
}

/// What a group's names tell of the call. The identification's blanks and signs are lost in a name: a ticket's is better.
pub fn record(pages: &[PageName], now: Millis) -> CallRecord {
    let first = pages.first();
    CallRecord {
        tsi: first
            .and_then(|page| page.tsi.clone())
            .map(|id| StationId(id.replace('-', " ").trim().to_owned())),
        device: first.map(|page| format!("tty{}", page.line)),
        received_at: first.map(|page| page.started(now)),
        ..CallRecord::default()
    }
}

/// Names of one folder, grouped to faxes, each in page order.
pub fn group(names: impl IntoIterator<Item = String>) -> Vec<Vec<PageName>> {
    let mut groups: std::collections::BTreeMap<String, Vec<PageName>> = std::collections::BTreeMap::new();
    for page in names.into_iter().filter_map(|name| PageName::parse(&name)) {
        groups.entry(page.group()).or_default().push(page);
    }
    groups
        .into_values()
        .map(|mut pages| {
            pages.sort_by(|a, b| (a.page, &a.name).cmp(&(b.page, &b.name)));
            pages
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_understood() {
        let page = PageName::parse("ff3ad2c11S0-852-2810-1234.02").unwrap();
        assert_eq!((page.start, page.line.as_str(), page.page, page.fine), (0x03ad_2c11, "S0", 2, true));
        assert_eq!(page.tsi.as_deref(), Some("852-2810-1234"));
        assert_eq!(PageName::parse("fn3ad2c11S1.100").unwrap().page, 100);
        assert_eq!(PageName::parse("fn3ad2c11S1.01").unwrap().tsi, None);
        for no in [
            "",
            "fn3ad2c11S0",
            "fx3ad2c11S0.01",
            "fn3AD2c11S0.01",
            "fn3ad2c1.01",
            "fn3ad2c11S0x.01",
            "fn3ad2c11S0.1",
            "fax000000012.tif",
            "fn3ad2c11/0.01",
        ] {
            assert_eq!(PageName::parse(no), None, "{no}");
        }
    }

    #[test]
    fn the_start_of_the_call_comes_back_from_28_bits() {
        let start = 1_795_482_900i64;
        let name = format!("fn{:07x}S0.01", start & 0x0fff_ffff);
        let page = PageName::parse(&name).unwrap();
        for later in [0, 600, 86_400 * 365 * 8, -3600] {
            assert_eq!(page.started((start + later) * 1000), start * 1000, "{later} s later");
        }
    }

    #[test]
    fn pages_of_one_call_are_one_fax_though_their_resolution_changes() {
        let names =
            ["fn3ad2c11S0-852.02", "ff3ad2c11S0-852.10", "fn3ad2c11S0-852.01", "fn3ad2c11S1.01", "seqf"];
        let groups = group(names.map(str::to_owned));
        let pages: Vec<Vec<u32>> =
            groups.iter().map(|pages| pages.iter().map(|page| page.page).collect()).collect();
        assert_eq!(pages, [vec![1, 2, 10], vec![1]]);
    }

    proptest! {
        #[test]
        fn any_name(name in ".{0,40}", now in 0i64..4_000_000_000_000) {
            if let Some(page) = PageName::parse(&name) {
                let _ = page.started(now);
            }
        }

        #[test]
        fn mgetty_names_read_back(start in 0u32..0x0fff_ffff, fine: bool, page in 1u32..1000, id in "[A-Za-z0-9]{1,9}") {
            let letter = if fine { 'f' } else { 'n' };
            let read = PageName::parse(&format!("f{letter}{start:07x}S0-{id}.{page:02}")).unwrap();
            prop_assert_eq!((read.start, read.fine, read.page), (start, fine, page));
        }
    }
}
