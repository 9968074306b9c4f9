//! MAIL and RCPT as they are written to a relay that offers this and that. Pure.
//!
//! Standard: RFC 1870 (SIZE), 6152 (8BITMIME), 6531 (SMTPUTF8), 3461 (DSN), 6533 (DSN of such addresses).
//!
//! Invariants: an address is written only after [`address::valid`] said yes; a parameter is written only
//! where its extension is offered. A message that needs SMTPUTF8 is not given to a relay without it: half
//! the servers on the way would mangle or drop it.
//!
//! What we ask of delivery reports: failures and delays, with the headers alone. `ENVID` is the left part of
//! the Message-ID, so that a report names the fax even if the mail itself is not returned.

use std::fmt::Write as _;

use smtp_proto::{EXT_8BIT_MIME, EXT_DSN, EXT_SIZE, EXT_SMTP_UTF8, EhloResponse};

use super::Outgoing;
use super::relay::Limits;
use crate::deliver::address;
use crate::deliver::message::message_id_of;
use crate::deliver::trouble::Trouble;

/// Longest ENVID (RFC 3461 §4.4).
const ENVID_MOST: usize = 100;

/// What one message needs of a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    from: String,
    envid: String,
    /// Length on the wire.
    pub(super) bytes: usize,
    head_beyond_ascii: bool,
    body_beyond_ascii: bool,
}

impl Envelope {
    /// `wire` is the message as it will be sent.
    pub(super) fn of(mail: &Outgoing<'_>, wire: &[u8]) -> Self {
        let head = wire.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(wire.len());
        let (head, body) = wire.split_at(head);
        let id = message_id_of(mail.bytes);
        Self {
            from: mail.from.to_owned(),
            envid: xtext(id.split('@').next().unwrap_or_default()),
            bytes: wire.len(),
            head_beyond_ascii: !head.is_ascii(),
            body_beyond_ascii: !body.is_ascii(),
        }
    }

    /// Why this relay cannot take the message at all, before anything is sent.
    pub(super) fn fits(&self, offers: &EhloResponse<String>, limits: &Limits) -> Result<(), Trouble> {
        let said = offers.has_capability(EXT_SIZE).then_some(offers.size).filter(|size| *size > 0);
        let ours = limits.largest.and_then(|largest| usize::try_from(largest).ok());
        let limit = said.into_iter().chain(ours).min();
        match limit {
            Some(limit) if self.bytes > limit => {
                Err(Trouble::TooLarge { bytes: self.bytes, limit: format!("{limit} bytes") })
            }
            _ if (self.head_beyond_ascii || !self.from.is_ascii()) && !utf8(offers) => {
                Err(Trouble::Utf8("headers beyond ASCII".into()))
            }
            _ => Ok(()),
        }
    }

    /// Why this relay cannot be given this address.
    pub(super) fn fits_address(&self, to: &str, offers: &EhloResponse<String>) -> Result<(), Trouble> {
        if to.is_ascii() || utf8(offers) {
            return Ok(());
        }
        Err(Trouble::Utf8(crate::fax::one_line(to, address::ADDRESS_MOST)))
    }

    /// The MAIL command.
    pub(super) fn mail(&self, to: &[&str], offers: &EhloResponse<String>) -> String {
        let mut line = format!("MAIL FROM:<{}>", self.from);
        // Writing to a string cannot fail.
        if offers.has_capability(EXT_SIZE) {
            let _ = write!(line, " SIZE={}", self.bytes);
        }
        let wanted = self.head_beyond_ascii || !self.from.is_ascii() || to.iter().any(|to| !to.is_ascii());
        if wanted && utf8(offers) {
            line.push_str(" SMTPUTF8");
        }
        if (self.head_beyond_ascii || self.body_beyond_ascii) && offers.has_capability(EXT_8BIT_MIME) {
            line.push_str(" BODY=8BITMIME");
        }
        if offers.has_capability(EXT_DSN) {
            line.push_str(" RET=HDRS");
            if (1..=ENVID_MOST).contains(&self.envid.len()) {
                let _ = write!(line, " ENVID={}", self.envid);
            }
        }
        line.push_str("\r\n");
        line
    }

    /// The RCPT command.
    pub(super) fn recipient(to: &str, offers: &EhloResponse<String>) -> String {
        if !offers.has_capability(EXT_DSN) {
            return format!("RCPT TO:<{to}>\r\n");
        }
        let original =
            if to.is_ascii() { format!("rfc822;{}", xtext(to)) } else { format!("utf-8;{}", unitext(to)) };
        format!("RCPT TO:<{to}> NOTIFY=FAILURE,DELAY ORCPT={original}\r\n")
    }
}

fn utf8(offers: &EhloResponse<String>) -> bool {
    offers.has_capability(EXT_SMTP_UTF8)
}

/// RFC 3461 §4: what is not a plain visible character is written as `+` and two hexadecimal digits.
fn xtext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'+' | b'=' => drop(write!(out, "+{byte:02X}")),
            b'!'..=b'~' => out.push(char::from(byte)),
            other => drop(write!(out, "+{other:02X}")),
        }
    }
    out
}

/// RFC 6533 §3, utf-8-addr-unitext: `\`, `+` and `=` are written as `\x{…}`, all else as it is.
fn unitext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '+' | '=' => drop(write!(out, "\\x{{{:X}}}", u32::from(c))),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(extensions: u32, size: usize) -> EhloResponse<String> {
        let mut offers = EhloResponse::new("relay".to_owned());
        offers.capabilities = extensions;
        offers.size = size;
        offers
    }

    fn envelope(from: &str, message: &str) -> Envelope {
        let to = ["a@x.test".to_owned()];
        let mail = Outgoing { from, to: &to, bytes: message.as_bytes() };
        Envelope::of(&mail, message.as_bytes())
    }

    const PLAIN: &str = "Message-ID: <f+1=2.x@gw.test>\r\nSubject: a fax\r\n\r\nbody\r\n";

    #[test]
    fn a_relay_is_asked_for_what_it_offers_and_for_nothing_else() {
        let all = EXT_SIZE | EXT_DSN | EXT_SMTP_UTF8 | EXT_8BIT_MIME;
        let plain = envelope("fax@gw.test", PLAIN);
        assert_eq!(plain.mail(&["a@x.test"], &offers(0, 0)), "MAIL FROM:<fax@gw.test>\r\n");
        assert_eq!(Envelope::recipient("a@x.test", &offers(0, 0)), "RCPT TO:<a@x.test>\r\n");
        assert_eq!(
            plain.mail(&["a@x.test"], &offers(all, 0)),
            format!("MAIL FROM:<fax@gw.test> SIZE={} RET=HDRS ENVID=f+2B1+3D2.x\r\n", PLAIN.len())
        );
        assert_eq!(
            Envelope::recipient("a+b@x.test", &offers(all, 0)),
            "RCPT TO:<a+b@x.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb@x.test\r\n"
        );
        let chinese = envelope("fax@gw.test", "Subject: 傳真\r\n\r\n正文\r\n");
        let line = chinese.mail(&["a@x.test"], &offers(EXT_SMTP_UTF8 | EXT_8BIT_MIME, 0));
        assert_eq!(line, "MAIL FROM:<fax@gw.test> SMTPUTF8 BODY=8BITMIME\r\n");
        assert_eq!(
            Envelope::recipient("牌照+a@x.test", &offers(EXT_DSN, 0)),
            "RCPT TO:<牌照+a@x.test> NOTIFY=FAILURE,DELAY ORCPT=utf-8;牌照\\x{2B}a@x.test\r\n"
        );
    }

    #[test]
    fn what_a_relay_cannot_take_is_known_before_anything_is_sent() {
        let small = Limits { largest: Some(10), ..Limits::default() };
        let plain = envelope("fax@gw.test", PLAIN);
        let fits = |offered, limits: &Limits| plain.fits(&offered, limits).map_err(|trouble| trouble.code());
        assert_eq!(fits(offers(EXT_SIZE, 0), &Limits::default()), Ok(()));
        assert_eq!(fits(offers(EXT_SIZE, PLAIN.len()), &Limits::default()), Ok(()));
        let too_large = Err("deliver.smtp.too-large".to_owned());
        assert_eq!(fits(offers(EXT_SIZE, PLAIN.len() - 1), &Limits::default()), too_large);
        assert_eq!(fits(offers(0, 0), &small), too_large);
        assert_eq!(fits(offers(EXT_SIZE, 9_999), &small), too_large);

        let chinese = envelope("fax@gw.test", "To: 牌照@x.test\r\n\r\n");
        let refused = |offered| chinese.fits(&offered, &Limits::default()).map_err(|trouble| trouble.code());
        assert_eq!(refused(offers(0, 0)), Err("deliver.smtp.utf8".to_owned()));
        assert_eq!(refused(offers(EXT_SMTP_UTF8, 0)), Ok(()));
        assert!(plain.fits_address("牌照@x.test", &offers(0, 0)).is_err());
        assert!(plain.fits_address("牌照@x.test", &offers(EXT_SMTP_UTF8, 0)).is_ok());
        assert!(plain.fits_address("a@x.test", &offers(0, 0)).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_message_id_ends_a_command(id in "[^\r\n]{0,300}") {
            let text = format!("Message-ID: <{id}@gw.test>\r\n\r\n");
            let line = envelope("fax@gw.test", &text).mail(&["a@x.test"], &offers(EXT_DSN, 0));
            proptest::prop_assert!(line.ends_with("\r\n") && !line[..line.len() - 2].contains(['\r', '\n']));
            proptest::prop_assert!(line.trim_end().bytes().all(|b| (b' '..=b'~').contains(&b)));
            proptest::prop_assert!(line.split(' ').count() <= 4, "{line}");
        }
    }
}
