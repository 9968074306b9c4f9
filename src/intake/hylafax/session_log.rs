//! `log/c<commid>`: what one call looked like from the server (HylaFAX `FaxMachineLog`, `FaxRecv.c++`).
//!
//! Weakest of HylaFAX's sources: read for what no other told. A call may bring several documents, each with a line
//! that names its file; what is said before the first page belongs to the call.

use crate::intake::foreign;

use super::xferfaxlog::seconds;

/// What the log tells of one document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// The sender's identification.
    pub tsi: Option<String>,
    /// T.33 subaddress.
    pub subaddress: Option<String>,
    /// Pages.
    pub pages: Option<u32>,
    /// Seconds of the document's reception.
    pub seconds: Option<u32>,
    /// bit/s.
    pub rate: Option<u32>,
    /// `1-D MH`, ….
    pub data_format: Option<String>,
    /// Why the session ended, if not well.
    pub broken: Option<String>,
    /// `SESSION END` was seen.
    pub ended: bool,
}

/// Reads a session log for the document `file_name`.
pub fn read(log: &[u8], file_name: &str) -> Session {
    let mut session = Session::default();
    let mut page: (Option<u32>, Option<String>) = (None, None);
    let mut found = false;
    for raw in log.split(|byte| *byte == b'\n') {
        let line = foreign::text(raw);
        let Some((_, said)) = line.split_once("]: ") else { continue };
        if let Some(tsi) = said.strip_prefix("REMOTE TSI ") {
            session.tsi = foreign::told(tsi.trim_matches('"'));
        } else if said.starts_with("SESSION END") {
            session.ended = true;
        } else if let Some(rest) = said.strip_prefix("RECV FAX (").and_then(|rest| rest.split_once("): ")) {
            let rest = rest.1;
            if let Some((_, reason)) = rest.split_once(" terminated abnormally: ") {
                session.broken = foreign::told(reason);
            } else if let Some((path, rest)) =
                rest.split_once(" from ").filter(|(path, _)| path.ends_with(".tif"))
            {
                if path.rsplit('/').next() == Some(file_name) && !found {
                    found = true;
                    document(rest, &mut session);
                    (session.rate, session.data_format) = std::mem::take(&mut page);
                }
            } else if rest.starts_with("from ") {
                page = page_line(rest);
            }
        }
    }
    session
}

/// `<tsi>, route to <subaddress>, N pages in m:ss`. The station may hold commas: what follows is read from its end.
fn document(rest: &str, session: &mut Session) {
    let Some((front, pages)) = rest.rsplit_once(", ") else { return };
    if let Some((count, time)) = pages.split_once(" pages in ") {
        session.pages = count.parse().ok();
        session.seconds = seconds(time);
    }
    if let Some((tsi, subaddress)) = front.rsplit_once(", route to ") {
        session.tsi = foreign::told(tsi).or(session.tsi.take());
        session.subaddress = foreign::told(subaddress);
    }
}

/// `from <tsi>, page N in m:ss, A4, 3.85 line/mm, 1-D MH, 14400 bit/s`: rate and format.
fn page_line(rest: &str) -> (Option<u32>, Option<String>) {
    let mut last = rest.rsplit(", ");
    let rate = last.next().and_then(|rate| rate.strip_suffix(" bit/s")).and_then(|rate| rate.parse().ok());
    let format = if rate.is_some() { last.next().map(str::to_owned) } else { None };
    (rate, format)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOG: &str = "\
Nov 24 09:15:01.10: [  812]: SESSION BEGIN 000000031 85221234567
Nov 24 09:15:01.10: [  812]: HylaFAX (tm) Version 6.0.7
Nov 24 09:15:09.22: [  812]: REMOTE TSI \"ACME, LTD\"
Nov 24 09:16:02.00: [  812]: RECV FAX (000000031): from ACME, LTD, page 1 in 0:00:50, A4, 7.7 line/mm, 2-D MMR, 14400 bit/s
Nov 24 09:16:42.00: [  812]: RECV FAX (000000031): recvq/fax000000012.tif from ACME, LTD, route to 4711, 1 pages in 0:00:50
Nov 24 09:17:02.00: [  812]: RECV FAX (000000031): from ACME, LTD, page 1 in 0:00:09, A4, 3.85 line/mm, 1-D MH, 9600 bit/s
Nov 24 09:17:12.00: [  812]: RECV FAX (000000031): recvq/fax000000013.tif from ACME, LTD, route to <unspecified>, 1 pages in 0:00:09
Nov 24 09:17:22.00: [  812]: RECV FAX (000000031): session with ACME, LTD terminated abnormally: No carrier
Nov 24 09:17:22.00: [  812]: SESSION END
";

    #[test]
    fn each_document_of_a_batch_has_its_own_facts() {
        let first = read(LOG.as_bytes(), "fax000000012.tif");
        assert_eq!(first.tsi.as_deref(), Some("ACME, LTD"));
        assert_eq!(first.subaddress.as_deref(), Some("4711"));
        assert_eq!((first.rate, first.seconds, first.pages), (Some(14400), Some(50), Some(1)));
        assert_eq!(first.data_format.as_deref(), Some("2-D MMR"));
        assert!(first.ended);
        let second = read(LOG.as_bytes(), "fax000000013.tif");
        assert_eq!((second.rate, second.subaddress), (Some(9600), None));
        assert_eq!(second.broken.as_deref(), Some("No carrier"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_session(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0usize..900) {
            let _ = read(&bytes, "fax1.tif");
            let _ = read(&LOG.as_bytes()[..cut.min(LOG.len())], "fax000000012.tif");
        }
    }
}
