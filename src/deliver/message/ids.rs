//! Message-IDs: fixed for ever when a delivery is made, so that a repeat is recognisable and a bounce finds
//! its way back. The left part alone says what the mail is: `<fax>.<department>[.p<pages>]@<host>`.

use std::ops::RangeInclusive;

use super::mime;
use crate::fax::{CallRecord, FaxId, Sha256};

/// The Message-ID (without brackets) of what is sent of `fax` to `what`, a department's id or a word of
/// ours such as `fallback`, `quarantine`. The same arguments give the same id.
pub fn message_id(fax: &FaxId, what: &str, host_name: &str) -> String {
    format!("{fax}.{}@{}", plain_word(what), plain_host(host_name))
}

/// The Message-ID of the part of a letter that holds these pages: `<letter>.p5-8@host`. The pages name it and not
/// its number: cut finer, part 2 holds others, and a server that has seen its id would drop them as known.
pub fn part_id(message_id: &str, pages: RangeInclusive<u32>) -> String {
    let part = format!("{}-{}", pages.start(), pages.end());
    match message_id.rsplit_once('@') {
        Some((left, host)) => format!("{left}.p{part}@{host}"),
        None => format!("{message_id}.p{part}"),
    }
}

/// The delivery's Message-ID, whether that of a whole letter is given or that of a part.
pub fn base_id(message_id: &str) -> String {
    let (left, host) = match message_id.rsplit_once('@') {
        Some((left, host)) => (left, Some(host)),
        None => (message_id, None),
    };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let pages = |tail: &str| tail.split_once('-').is_some_and(|(first, last)| number(first) && number(last));
    let left = left.rsplit_once(".p").filter(|(_, tail)| pages(tail)).map_or(left, |(left, _)| left);
    host.map_or_else(|| left.to_owned(), |host| format!("{left}@{host}"))
}

/// The Message-ID of a finished message, without brackets; its digest where there is none.
pub fn message_id_of(message: &[u8]) -> String {
    let found = header(message, "Message-ID").map(|value| mime::plain_id(&value)).filter(|id| !id.is_empty());
    found.unwrap_or_else(|| Sha256::of(message).to_string())
}

/// The date of a finished message in seconds since the epoch; 0 where there is none.
pub fn date_of(message: &[u8]) -> i64 {
    let date = header(message, "Date").and_then(|value| jiff::fmt::rfc2822::parse(value.trim()).ok());
    date.map_or(0, |date| date.timestamp().as_second())
}

/// The Message-ID of a mail that never was, to which all faxes of one sender to one department answer: mail
/// programs show messages with one missing ancestor as one thread. `None`: nobody says who sent it.
///
/// It is a digest, so the number itself stands in no header.
pub(super) fn thread_root(call: &CallRecord, department: &str, host_name: &str) -> Option<String> {
    let digits = call.caller.as_ref().map(|number| number.digits()).filter(|digits| !digits.is_empty());
    let station = || {
        let name = crate::deliver::addressbook::folded(&call.tsi.as_ref()?.0);
        (!name.is_empty()).then_some(name)
    };
    let who = digits.or_else(station)?;
    let digest = Sha256::of(format!("{who}\n{department}").as_bytes()).to_string();
    Some(format!("thread.{}@{}", &digest[..24], plain_host(host_name)))
}

/// A department's List-Id (RFC 2919 §2): a namespace of the gateway's own, and no address.
pub(super) fn list_id(department: &str, host_name: &str) -> String {
    format!("{}.fax.{}", plain_word(department).to_ascii_lowercase(), plain_host(host_name))
}

fn plain_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match word.chars().all(plain) && word.len() <= 40 && !word.is_empty() {
        true => word.to_owned(),
        false => Sha256::of(word.as_bytes()).to_string().chars().take(16).collect(),
    }
}

fn plain_host(host_name: &str) -> &str {
    if crate::deliver::address::valid_domain(host_name) { host_name } else { "localhost" }
}

/// A header's value, unfolded.
fn header(message: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(message.get(..message.len().min(16 * 1024))?);
    let head = text.split("\r\n\r\n").next()?.replace("\r\n ", " ").replace("\r\n\t", " ");
    head.split("\r\n").find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::{Number, StationId};

    #[test]
    fn a_part_leads_back_to_its_letter() {
        for id in [
            "01.billing@gw.example",
            "01.p2@gw.example",
            "01.p2-r1@gw.example",
            "01.fallback.77@gw.example",
            "01.x",
        ] {
            assert_eq!(base_id(id), id);
            assert_eq!(base_id(&part_id(id, 9..=12)), id);
        }
        assert_eq!(part_id("01.billing@gw.example", 5..=8), "01.billing.p5-8@gw.example");
    }

    #[test]
    fn a_senders_faxes_to_one_department_share_a_root() {
        let by = |caller: Option<&str>, tsi: Option<&str>| CallRecord {
            caller: caller.map(|text| Number(text.into())),
            tsi: tsi.map(|text| StationId(text.into())),
            ..CallRecord::default()
        };
        let root = |call: &CallRecord, department| thread_root(call, department, "gw.example");
        let one = root(&by(Some("+852 2810 1234"), None), "billing").unwrap();
        assert_eq!(root(&by(Some("0085228101234"), Some("ACME")), "billing").unwrap(), one);
        assert_ne!(root(&by(Some("+852 2810 1234"), None), "claims").unwrap(), one);
        let station = root(&by(None, Some("ACME  FAX")), "billing");
        assert_eq!(station, root(&by(Some("anonymous"), Some("acme fax ")), "billing"));
        assert!(station.is_some() && root(&by(None, Some(" ")), "billing").is_none());
        assert!(!one.contains("2810"), "{one}");
    }
}
