//! `log/xferfaxlog`: one line per transfer, tab separated (xferfaxlog(5); HylaFAX `FaxAcctInfo.c++`).
//!
//! The manual says that column 15 is CallID1; the code writes CallID2 (name) at 15, CallID1 (number) at 16 and the
//! rest, joined by `::`, at 17. Only quotes in the job tag are escaped, so the tab is all one can rely on.
//! gofaxip doubles the quotes of columns 15 and 16 and writes `OK` where HylaFAX writes nothing.
//! Sequence numbers come back when `seqf` is lost: a name alone does not choose a line, its time must fit too.

use jiff::civil;
use jiff::tz::TimeZone;

use super::params::Params;
use crate::fax::Millis;
use crate::intake::foreign;

/// One received document, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// Start of the session; the log has minutes.
    pub at: Millis,
    /// Communication id: digits, names the session log.
    pub commid: Option<String>,
    /// Modem.
    pub device: Option<String>,
    /// The sender's identification.
    pub tsi: Option<String>,
    /// Packed session parameters.
    pub params: Option<u32>,
    /// Pages.
    pub pages: Option<u32>,
    /// Seconds of reception.
    pub seconds: Option<u32>,
    /// Error text; empty means success.
    pub reason: String,
    /// CallID1, CallID2, …
    pub call_ids: Vec<String>,
}

impl Line {
    /// Rate in bit/s.
    pub fn rate(&self) -> Option<u32> {
        self.params.and_then(|packed| Params::unpack(packed).bit_rate())
    }
}

/// A session may have begun this long before the moment that the file itself tells: a batch call can take hours.
const BEFORE: Millis = 24 * 3_600_000;
/// The log's minute may seem to be after the moment that the file tells.
const AFTER: Millis = 2 * 60_000;

/// The newest `RECV` line for a file named `file_name` whose time fits `near`.
pub fn find(log: &[u8], file_name: &str, near: Millis, zone: &TimeZone) -> Option<Line> {
    log.split(|byte| *byte == b'\n').rev().find_map(|raw| {
        let columns: Vec<&[u8]> = raw.split(|byte| *byte == b'\t').collect();
        let ours = columns.get(1).is_some_and(|kind| *kind == b"RECV")
            && columns.get(4).is_some_and(|path| base_name(path) == file_name.as_bytes());
        let line = if ours { parse(&columns, zone) } else { None };
        line.filter(|line| line.at >= near - BEFORE && line.at <= near + AFTER)
    })
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

fn parse(columns: &[&[u8]], zone: &TimeZone) -> Option<Line> {
    let column = |number: usize| columns.get(number - 1).map(|raw| unquoted(raw)).unwrap_or_default();
    let at = civil::DateTime::strptime("%m/%d/%y %H:%M", column(1)).ok()?;
    let at = zone.to_ambiguous_timestamp(at).compatible().ok()?.as_millisecond();
    let mut call_ids = vec![column(16), column(15)];
    call_ids.extend(column(17).split("::").map(str::to_owned));
    while call_ids.last().is_some_and(String::is_empty) {
        call_ids.pop();
    }
    let reason = column(14);
    Some(Line {
        at,
        commid: foreign::told(&column(3)),
        device: foreign::told(&column(4)),
        tsi: foreign::told(&column(9)),
        params: column(10).parse().ok(),
        pages: column(11).parse().ok(),
        seconds: seconds(&column(12)),
        reason: if reason.eq_ignore_ascii_case("ok") { String::new() } else { reason },
        call_ids,
    })
}

/// A column's text without the quotes around it, however many a writer put.
fn unquoted(raw: &[u8]) -> String {
    let text = foreign::text(raw);
    text.trim_matches('"').trim().to_owned()
}

/// `H:MM:SS` or `M:SS` in seconds.
pub(crate) fn seconds(text: &str) -> Option<u32> {
    let mut total: u32 = 0;
    for part in text.trim().split(':') {
        total = total.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HYLAFAX: &str = "11/24/26 09:15\tRECV\t000000031\tttyIAX0\trecvq/fax000000012.tif\t\"\"\tfax\t\"+852 2123 4567\"\t\"+852 2810 1234\"\t2220073\t3\t0:01:45\t0:02:10\t\"\"\t\"CHAN TAI MAN\"\t\"28101234\"\t\"21234567::x\"\t\"\"\t\"00 46 88\"\n";

    fn zone() -> TimeZone {
        TimeZone::get("Asia/Hong_Kong").expect("the test machine has tzdata")
    }

    fn at(text: &str) -> Millis {
        let when: civil::DateTime = text.parse().unwrap();
        zone().to_timestamp(when).unwrap().as_millisecond()
    }

    #[test]
    fn a_hylafax_line_is_read() {
        let line = find(HYLAFAX.as_bytes(), "fax000000012.tif", at("2026-11-24T09:17:30"), &zone()).unwrap();
        assert_eq!(line.at, at("2026-11-24T09:15:00"));
        assert_eq!(line.commid.as_deref(), Some("000000031"));
        assert_eq!(line.tsi.as_deref(), Some("+852 2810 1234"));
        assert_eq!((line.pages, line.seconds, line.rate()), (Some(3), Some(105), Some(14400)));
        assert_eq!(line.call_ids, ["28101234", "CHAN TAI MAN", "21234567", "x"]);
        assert_eq!(line.reason, "");
    }

    #[test]
    fn a_gofaxip_line_is_read() {
        let text = "11/24/26 09:15\tRECV\t00000007\tfreeswitch0\trecvq/fax00000007.tif\t\"\"\tfax\t\"21234567\"\t\"ACME\"\t65576\t1\t00:00:31\t00:00:31\t\"OK\"\t\"\"Chan\"\"\t\"\"28101234\"\"\t\"\"\t\"\"\t\"T.6\"\n";
        let line = find(text.as_bytes(), "fax00000007.tif", at("2026-11-24T09:15:31"), &zone()).unwrap();
        assert_eq!(line.call_ids, ["28101234", "Chan"]);
        assert_eq!((line.reason.as_str(), line.seconds, line.rate()), ("", Some(31), Some(14400)));
    }

    #[test]
    fn a_reused_number_takes_the_newest_line_that_fits_in_time() {
        let old = HYLAFAX.replace("11/24/26", "01/05/25").replace("000000031", "000000002");
        let log = format!("{old}{HYLAFAX}");
        let commid = |near: &str| {
            find(log.as_bytes(), "fax000000012.tif", at(near), &zone()).and_then(|line| line.commid)
        };
        assert_eq!(commid("2026-11-24T09:17:00").as_deref(), Some("000000031"));
        assert_eq!(commid("2025-01-05T09:17:00").as_deref(), Some("000000002"));
        assert_eq!(commid("2027-01-05T09:17:00"), None);
        assert_eq!(find(log.as_bytes(), "fax000000013.tif", at("2026-11-24T09:17:00"), &zone()), None);
    }

    #[test]
    fn sent_faxes_are_not_received_ones() {
        let sent = HYLAFAX.replace("RECV", "SEND");
        assert_eq!(find(sent.as_bytes(), "fax000000012.tif", at("2026-11-24T09:17:00"), &zone()), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_log(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0usize..300) {
            let _ = find(&bytes, "fax1.tif", 0, &zone());
            let cut_short = &HYLAFAX.as_bytes()[..cut.min(HYLAFAX.len())];
            let _ = find(cut_short, "fax000000012.tif", at("2026-11-24T09:17:30"), &zone());
        }
    }
}
