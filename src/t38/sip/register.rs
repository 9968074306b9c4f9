//! Keeping a trunk told of us (RFC 3261 §10.2): when to ask, how long to wait after failures.
//!
//! - Refreshed after four fifths of what was granted, or half of it if that is short.
//! - After a failure: 30 s, doubled each time up to 30 minutes, less a random part (RFC 5626 §4.5).

use core::time::Duration;

use super::digest::Login;
use super::event::Flow;
use super::header::{NameAddr, Uri, seconds};
use super::message::Message;
use super::random::Random;

/// First wait after a failure.
pub const FIRST_WAIT: Duration = Duration::from_secs(30);
/// Longest wait after failures.
pub const LONGEST_WAIT: Duration = Duration::from_secs(1_800);
/// Attempts in one go: challenges and longer intervals met.
pub const MOST_ATTEMPTS: u8 = 4;

/// Where a registration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not begun, or it ended.
    Idle,
    /// The receiver looks for a way.
    Connecting,
    /// A REGISTER is under way.
    Asking,
    /// Waits for its next time.
    Waiting,
}

/// The registration with one trunk.
#[derive(Debug)]
pub struct Registration {
    /// Index of the trunk.
    pub trunk: usize,
    /// Where it stands.
    pub stage: Stage,
    /// The way to the registrar, while it lives.
    pub flow: Option<Flow>,
    /// Our Call-ID, the same for all of them.
    pub call_id: String,
    /// Our From tag.
    pub tag: String,
    /// Our last number.
    pub cseq: u32,
    /// When it is next looked at.
    pub next: Option<Duration>,
    /// What we ask for, if the registrar wants longer than the settings say.
    pub least: u32,
    /// We are being taken back.
    pub leaving: bool,
    /// It was granted and may still stand.
    pub granted: bool,
    /// Attempts of this go.
    pub attempts: u8,
    /// This go met a challenge.
    pub challenged: bool,
    /// Seconds that the last REGISTER asked for.
    pub asked: u32,
    /// The challenge met last.
    pub login: Option<Login>,
    failures: u32,
}

impl Registration {
    /// Not begun.
    pub fn new(trunk: usize, random: &mut Random) -> Self {
        Self {
            trunk,
            stage: Stage::Idle,
            flow: None,
            call_id: format!("{}{}", random.name(), random.name()),
            tag: random.name(),
            cseq: 0,
            next: None,
            least: 0,
            leaving: false,
            granted: false,
            attempts: 0,
            challenged: false,
            asked: 0,
            login: None,
            failures: 0,
        }
    }

    /// It was granted for so long.
    pub fn granted(&mut self, now: Duration, granted: u32) {
        (self.failures, self.attempts, self.challenged) = (0, 0, false);
        (self.granted, self.stage) = (!self.leaving, Stage::Waiting);
        let wait = if granted < 120 { granted / 2 } else { granted / 5 * 4 };
        self.next = (!self.leaving).then(|| now + Duration::from_secs(u64::from(wait.max(1))));
    }

    /// It failed; the way is looked for anew next time.
    pub fn failed(&mut self, now: Duration, random: &mut Random) {
        (self.attempts, self.challenged, self.stage) = (0, false, Stage::Waiting);
        (self.flow, self.login) = (None, None);
        let longest = FIRST_WAIT.saturating_mul(1 << self.failures.min(6)).min(LONGEST_WAIT);
        self.failures = self.failures.saturating_add(1);
        let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        let wait = Duration::from_millis(millis / 2 + random.below(millis / 2));
        self.next = (!self.leaving).then(|| now + wait);
    }
}

/// What a 200 grants: `expires` of the Contact that is ours, else the Expires header, else what we asked for.
pub fn granted(response: &Message, user: &str, address: &str, asked: u32) -> u32 {
    let ours = |contact: &NameAddr| {
        let uri = Uri::parse(&contact.uri);
        uri.is_some_and(|uri| uri.user == user && contact.uri.contains(address))
    };
    let contacts: Vec<NameAddr> = response.values("contact").take(32).filter_map(NameAddr::parse).collect();
    // Registrars behind a NAT rewrite our Contact; if only one came back, it is ours.
    let mine =
        contacts.iter().find(|contact| ours(contact)).or(contacts.first().filter(|_| contacts.len() == 1));
    let said = mine.and_then(|contact| contact.params.value("expires")).and_then(seconds);
    said.or_else(|| response.header("expires").and_then(seconds)).unwrap_or(asked)
}
