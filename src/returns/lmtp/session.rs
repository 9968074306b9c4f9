//! One LMTP session as a machine: a line in, a reply out. Pure.
//!
//! Standard: RFC 2033 with RFC 5321 §3 and §4 beneath it; 8BITMIME (RFC 6152), PIPELINING (RFC 2920), SIZE (RFC 1870),
//! ENHANCEDSTATUSCODES (RFC 2034), SMTPUTF8 (RFC 6531). HELO and EHLO are refused, as RFC 2033 §4.1 demands.

use super::super::MAIL_MOST;

/// Addresses of one mail.
const RECIPIENTS_MOST: usize = 100;
/// Longest address that is looked at (RFC 5321 §4.5.3.1.3).
const PATH_MOST: usize = 256;

/// What to do after a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Say this.
    Say(String),
    /// Say this, then read the mail up to its dot.
    Data(String),
    /// Say this and close.
    Close(String),
}

/// How far a session has come.
#[derive(Debug, Default)]
pub(super) struct Session {
    greeted: bool,
    /// The sender, empty for the null sender.
    sender: Option<String>,
    recipients: usize,
}

impl Session {
    /// One command line, without its end. `is_for_us` judges an address.
    pub(super) fn line(&mut self, line: &str, is_for_us: impl Fn(&str) -> bool) -> Step {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "LHLO" => {
                *self = Self { greeted: true, ..Self::default() };
                Step::Say(format!(
                    "250-faxgate\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n\
                     250 SIZE {MAIL_MOST}"
                ))
            }
            "HELO" | "EHLO" => say("500 5.5.1 this is LMTP: say LHLO"),
            "MAIL" => self.mail(rest),
            "RCPT" => self.recipient(rest, is_for_us),
            "DATA" if self.recipients > 0 => Step::Data("354 end with a dot on a line by itself".into()),
            "DATA" => say("503 5.5.1 no recipient"),
            "RSET" => {
                self.reset();
                say("250 2.0.0 ok")
            }
            "NOOP" => say("250 2.0.0 ok"),
            "VRFY" => say("252 2.1.5 send it and see"),
            "QUIT" => Step::Close("221 2.0.0 bye".into()),
            _ => say("500 5.5.2 no such command"),
        }
    }

    fn mail(&mut self, rest: &str) -> Step {
        if !self.greeted {
            return say("503 5.5.1 say LHLO first");
        }
        if self.sender.is_some() {
            return say("503 5.5.1 one mail at a time");
        }
        let Some((sender, parameters)) = path(rest, "FROM:") else {
            return say("501 5.1.7 expected MAIL FROM:<address>");
        };
        let size = parameters.split(' ').find_map(|one| {
            let (name, value) = one.split_once('=')?;
            name.eq_ignore_ascii_case("SIZE").then(|| value.parse::<u64>().ok())?
        });
        if size.is_some_and(|size| size > MAIL_MOST as u64) {
            return say("552 5.3.4 the mail is too large");
        }
        self.sender = Some(sender.to_owned());
        say("250 2.1.0 ok")
    }

    fn recipient(&mut self, rest: &str, is_for_us: impl Fn(&str) -> bool) -> Step {
        if self.sender.is_none() {
            return say("503 5.5.1 say MAIL first");
        }
        match path(rest, "TO:") {
            None => say("501 5.1.3 expected RCPT TO:<address>"),
            Some(_) if self.recipients >= RECIPIENTS_MOST => say("452 4.5.3 too many recipients"),
            Some((address, _)) if is_for_us(address) => {
                self.recipients += 1;
                say("250 2.1.5 ok")
            }
            Some(_) => say("550 5.1.1 only the gateway's own address is taken here"),
        }
    }

    /// The mail was read, and `reply` is what became of it: said once for each recipient (RFC 2033 §4.2).
    pub(super) fn done(&mut self, reply: &str) -> String {
        let replies = vec![reply; self.recipients.max(1)].join("\r\n");
        self.reset();
        replies
    }

    pub(super) fn sender(&self) -> Option<String> {
        self.sender.clone()
    }

    fn reset(&mut self) {
        (self.sender, self.recipients) = (None, 0);
    }
}

fn say(reply: &str) -> Step {
    Step::Say(reply.to_owned())
}

/// `FROM:<address> parameters`, a source route left out.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let head = rest.get(..keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let (address, parameters) = rest.get(keyword.len()..)?.trim_start().strip_prefix('<')?.split_once('>')?;
    let address = if address.starts_with('@') { address.split_once(':')?.1 } else { address };
    let good = address.len() <= PATH_MOST && !address.chars().any(|c| c.is_control() || c == '<');
    good.then_some((address, parameters.trim()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(session: &mut Session, line: &str) -> String {
        match session.line(line, |address| address.eq_ignore_ascii_case("fax@gw.test")) {
            Step::Say(text) | Step::Close(text) => text,
            Step::Data(text) => format!("DATA {text}"),
        }
    }

    #[test]
    fn a_session_goes_as_rfc_2033_shows_it() {
        let mut session = Session::default();
        assert!(said(&mut session, "EHLO mx").starts_with("500"));
        assert!(said(&mut session, "MAIL FROM:<>").starts_with("503"));
        assert!(said(&mut session, "LHLO mx").ends_with(&format!("250 SIZE {MAIL_MOST}")));
        assert!(said(&mut session, "DATA").starts_with("503"));
        assert!(said(&mut session, "mail from:<> BODY=8BITMIME SIZE=100").starts_with("250"));
        assert!(said(&mut session, "RCPT TO:<other@gw.test>").starts_with("550"));
        assert!(said(&mut session, "DATA").starts_with("503"));
        assert!(said(&mut session, "RCPT TO:<FAX@gw.test>").starts_with("250"));
        assert!(said(&mut session, "RCPT TO:<fax@gw.test>").starts_with("250"));
        assert!(said(&mut session, "DATA").starts_with("DATA 354"));
        assert_eq!(session.sender().as_deref(), Some(""));
        assert_eq!(session.done("250 2.0.0 taken"), "250 2.0.0 taken\r\n250 2.0.0 taken");
        assert!(said(&mut session, "DATA").starts_with("503"), "the next mail begins anew");
        assert_eq!(session.line("QUIT", |_| true), Step::Close("221 2.0.0 bye".into()));
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_sent() {
        let mut session = Session::default();
        said(&mut session, "LHLO mx");
        assert!(said(&mut session, "MAIL FROM:<a@b> SIZE=999999999999").starts_with("552"));
        assert!(said(&mut session, "MAIL FROM:a@b").starts_with("501"));
    }

    proptest! {
        #[test]
        fn no_line_breaks_a_session(lines in prop::collection::vec("\\PC{0,80}", 0..20)) {
            let mut session = Session::default();
            for line in lines {
                let said = said(&mut session, &line);
                prop_assert!(!said.is_empty());
            }
        }
    }
}
