//! A message to the relays, with one outcome for each recipient.
//!
//! Standard: RFC 5321 (SMTP), 3207 (STARTTLS), 8314 (implicit TLS), 4954 (AUTH), 1870 (SIZE), 3461 (DSN),
//! 6531 (SMTPUTF8). The library's own `send` stops at the first refused recipient and its time limit is an
//! hour, so the dialogue is ours.
//!
//! Invariants:
//! - An address is [`Delivered`](Outcome::Delivered) only after a relay's 2xx to the final dot.
//! - Nothing is [`Failed`](Outcome::Failed) but by a 5xx to this address or this message, or because no relay
//!   can take a message of that size or an address of that alphabet.
//! - Once the final dot is on its way, a missing answer is *ambiguous*: deferred, to be repeated under the
//!   same Message-ID (RFC 5321 §4.5.3.2.6, RFC 1047).
//! - The next relay is asked only for recipients of whom the one before certainly has no copy: it could not
//!   be reached, turned us away, or gave up before the first byte of the message. After that, in one attempt,
//!   nobody else is asked.
//!
//! What real servers do otherwise: 552 after RCPT for "too many recipients"; 421 in the middle of anything;
//! 535 or 530 after MAIL because a login lapsed; a closed connection instead of any reply.

mod connect;
mod envelope;
mod line;
mod login;
mod pace;
pub mod relay;
mod reply;
mod timeouts;
mod transaction;
mod wire;

use std::sync::Arc;

use self::line::Line;
pub use self::line::RelayState;
use self::relay::Relay;
pub use self::timeouts::Timeouts;
use self::transaction::{Call, Verdict};
use super::address;
use super::trouble::{Trouble, WORDS_MOST};
use crate::fax::{Outcome, one_line};

/// One message for one transaction.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Envelope sender.
    pub from: &'a str,
    /// Envelope recipients.
    pub to: &'a [String],
    /// The message, headers and all.
    pub bytes: &'a [u8],
}

/// The relays, in the order in which they are asked.
#[derive(Debug, Clone, Default)]
pub struct Relays {
    lines: Vec<Arc<Line>>,
}

impl Relays {
    /// Opens nothing yet.
    pub fn new(relays: &[Relay]) -> Self {
        Self::after(&Self::default(), relays)
    }

    /// The same, but relays that did not change keep their connections, tokens and states.
    pub fn after(before: &Self, relays: &[Relay]) -> Self {
        let kept = |relay: &Relay| before.lines.iter().find(|line| line.relay() == relay).cloned();
        let line = |relay: &Relay| kept(relay).unwrap_or_else(|| Arc::new(Line::new(relay.clone())));
        Self { lines: relays.iter().map(line).collect() }
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How each has behaved, in order.
    pub fn states(&self) -> Vec<RelayState> {
        self.lines.iter().map(|line| line.state()).collect()
    }

    /// Says goodbye on every connection that is kept open.
    pub async fn close(&self, times: &Timeouts) {
        for line in &self.lines {
            line.close(times).await;
        }
    }

    /// Sends one message; the answer has one outcome for each of `mail.to`, in order.
    ///
    /// Never fails as a whole: whatever happens is somebody's outcome. Each relay within the limits of
    /// `times`.
    pub async fn send(&self, helo: &str, mail: &Outgoing<'_>, times: &Timeouts) -> Vec<Outcome> {
        let mut fates: Vec<Fate> = mail.to.iter().map(|to| Fate::of(to)).collect();
        if !address::valid(mail.from) {
            let sender = Trouble::Sender(format!("{:?} cannot be used", one_line(mail.from, WORDS_MOST)));
            fates.iter_mut().for_each(|fate| fate.hear(Verdict::Settled(sender.clone()), None));
            return fates.into_iter().map(Fate::outcome).collect();
        }
        let wire = wire::stuffed(mail.bytes);
        let call = Call {
            helo: if address::valid_domain(helo) { helo } else { "localhost" },
            envelope: envelope::Envelope::of(mail, &wire),
            wire,
            times,
        };
        for line in self.order() {
            let open: Vec<usize> = (0..fates.len()).filter(|at| fates[*at].is_open()).collect();
            if open.is_empty() {
                break;
            }
            self.by(line, &call, mail.to, &open, &mut fates).await;
        }
        fates.into_iter().map(Fate::outcome).collect()
    }

    /// Gives one relay all that is still open, in as many transactions as its limit of recipients asks for.
    async fn by(&self, line: &Line, call: &Call<'_>, all: &[String], open: &[usize], fates: &mut [Fate]) {
        let name = (self.lines.len() > 1).then(|| line.relay().shown());
        let mut gone: Option<Trouble> = None;
        for part in open.chunks(line.relay().limits.recipients.max(1)) {
            let to: Vec<&str> = part.iter().filter_map(|at| all.get(*at)).map(String::as_str).collect();
            let verdicts = match &gone {
                Some(trouble) => vec![Verdict::Elsewhere(trouble.clone()); to.len()],
                None => line.send(call, &to).await,
            };
            for (at, verdict) in part.iter().zip(verdicts) {
                if let Verdict::Elsewhere(trouble) = &verdict
                    && !trouble.is_about_the_message()
                {
                    gone = Some(trouble.clone());
                }
                if let Some(fate) = fates.get_mut(*at) {
                    fate.hear(verdict, name.as_deref());
                }
            }
        }
        if let (Some(trouble), Some(name)) = (gone, name) {
            tracing::warn!(relay = name, code = trouble.code(), "this relay did not take it: {trouble}");
        }
    }

    /// As configured, but those that failed a moment ago come last.
    fn order(&self) -> Vec<&Line> {
        let (rest, ready): (Vec<&Line>, Vec<&Line>) =
            self.lines.iter().map(Arc::as_ref).partition(|line| line.rests());
        ready.into_iter().chain(rest).collect()
    }
}

/// What has become of one recipient so far.
struct Fate {
    ended: Option<Outcome>,
    /// What relays said that did not take it.
    elsewhere: Vec<(Trouble, Option<String>)>,
}

impl Fate {
    fn of(to: &str) -> Self {
        let shown = || one_line(to, address::ADDRESS_MOST);
        let ended = (!address::valid_recipient(to)).then(|| Trouble::Address(shown()).outcome());
        Self { ended, elsewhere: Vec::new() }
    }

    fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    fn hear(&mut self, verdict: Verdict, relay: Option<&str>) {
        if !self.is_open() {
            return;
        }
        match verdict {
            Verdict::Taken(words) => {
                let by = relay.map(|name| format!(" (by {name})")).unwrap_or_default();
                self.ended = Some(Outcome::Delivered(format!("{words}{by}")));
            }
            Verdict::Settled(trouble) => self.ended = Some(named(&trouble, relay)),
            Verdict::Elsewhere(trouble) => self.elsewhere.push((trouble, relay.map(str::to_owned))),
        }
    }

    /// Where no relay took it: what may pass counts before what is final, and the first relay's words before
    /// those of its stand-ins.
    fn outcome(self) -> Outcome {
        if let Some(outcome) = self.ended {
            return outcome;
        }
        let passing = self.elsewhere.iter().find(|(trouble, _)| !trouble.final_for_address());
        match passing.or(self.elsewhere.first()) {
            Some((trouble, relay)) => named(trouble, relay.as_deref()),
            None => Trouble::NoRelay.outcome(),
        }
    }
}

/// The outcome, with the relay's name where there are several.
fn named(trouble: &Trouble, relay: Option<&str>) -> Outcome {
    let mut outcome = trouble.outcome();
    if let (Outcome::Deferred(fault) | Outcome::Failed(fault), Some(name)) = (&mut outcome, relay) {
        fault.operator = format!("{name}: {}", fault.operator);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(heard: &[Verdict]) -> String {
        let mut fate = Fate::of("a@x.test");
        heard.iter().for_each(|verdict| fate.hear(verdict.clone(), Some("r")));
        match fate.outcome() {
            Outcome::Delivered(words) => words,
            Outcome::Deferred(fault) => format!("later {}", fault.code),
            Outcome::Failed(fault) => format!("never {}", fault.code),
        }
    }

    #[test]
    fn an_address_is_given_up_only_where_no_relay_could_ever_take_it() {
        use Verdict::{Elsewhere, Settled, Taken};
        let down = || Elsewhere(Trouble::Connect("no".into()));
        let large = || Elsewhere(Trouble::TooLarge { bytes: 9, limit: "1".into() });
        let utf8 = || Elsewhere(Trouble::Utf8("牌照@x.test".into()));
        assert_eq!(code(&[]), "later deliver.relay.none");
        assert_eq!(code(&[down(), Taken("250 ok".into())]), "250 ok (by r)");
        assert_eq!(code(&[large(), down()]), "later deliver.smtp.connect");
        assert_eq!(code(&[down(), large()]), "later deliver.smtp.connect");
        assert_eq!(code(&[large(), utf8()]), "never deliver.smtp.too-large");
        assert_eq!(
            code(&[Settled(Trouble::Ambiguous("lost".into())), Taken("250".into())]),
            "later deliver.smtp.ambiguous"
        );
    }
}
