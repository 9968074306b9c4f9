//! What is not well with lines, queue and relays: judged, not watched. Pure: values in, alarms out; the clock, the
//! calendar and the store are the caller's.
//!
//! An alarm that nobody believes is worse than none. So a line is judged by its own past alone ([`silence`],
//! [`quality`]), only once it has one, and only by what chance does not explain. An alarm is opened once, told once,
//! told again after a while, and cleared when what it says is no longer so ([`compare`]).

pub mod quality;
pub mod silence;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fax::{Millis, Target};

/// What people set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Who is told of alarms; empty: the fallback inbox.
    pub to: Vec<Target>,
    /// How often everything is looked at.
    pub every: Duration,
    /// How long until an alarm that is still open is told of again.
    pub again: Duration,
    /// Lines that fall silent.
    pub silence: bool,
    /// Lines that were given up, such as `did 85230101001`: nobody waits for a fax by them.
    pub given_up: Vec<String>,
    /// The spools that there are; empty: not known, so each is one.
    pub spools: Vec<String>,
    /// Quality that falls.
    pub quality: bool,
    /// A fax that is open for longer is late.
    pub queue: Duration,
    /// A relay, a Maildir, a webhook or a print queue that takes nothing for so long.
    pub refusing: Duration,
    /// So many mails to one place that came back within a day.
    pub bounces: u32,
    /// Who gets the digest of junk; empty: the fallback inbox.
    pub digest_to: Vec<Target>,
    /// Minutes after midnight at which the digest goes out.
    pub digest_at: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            to: Vec::new(),
            every: Duration::from_secs(300),
            again: Duration::from_secs(24 * 3600),
            silence: true,
            given_up: Vec::new(),
            spools: Vec::new(),
            quality: true,
            queue: Duration::from_secs(30 * 60),
            refusing: Duration::from_secs(15 * 60),
            bounces: 1,
            digest_to: Vec::new(),
            digest_at: 8 * 60,
        }
    }
}

impl Settings {
    /// A fax may be expected by this line: it is not given up, and its spool is there.
    pub fn expects(&self, line: &str) -> bool {
        let gone = |spool: &str| !self.spools.is_empty() && !self.spools.iter().any(|it| it == spool);
        !self.given_up.iter().any(|it| it == line) && !line.strip_prefix("spool ").is_some_and(gone)
    }
}

/// What kind of thing is not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A line that usually speaks does not.
    Silence,
    /// A fax waits longer than was promised.
    Queue,
    /// A relay or another door takes nothing.
    Relay,
    /// Faxes of a line or a sender come worse than they did.
    Quality,
    /// Mails came back.
    Bounces,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Silence, Self::Queue, Self::Relay, Self::Quality, Self::Bounces];

    /// The name in the store and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Queue => "queue",
            Self::Relay => "relay",
            Self::Quality => "quality",
            Self::Bounces => "bounces",
        }
    }
}

/// Something that is not well now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What kind of thing.
    pub kind: Kind,
    /// What it is about, such as `spool modems`. With the kind it names the alarm.
    pub about: String,
    /// What is the matter, and what to look at.
    pub words: String,
}

/// An alarm that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Its row.
    pub id: i64,
    /// Name of its kind.
    pub kind: String,
    /// What it is about.
    pub about: String,
    /// What was the matter when people were last told.
    pub words: String,
    /// Since when it is open.
    pub opened_at: Millis,
    /// When people were last told.
    pub told_at: Millis,
}

/// What an alarm is about, for logs and monitors: of a number or a sender only the end stands there.
pub fn masked(about: &str) -> String {
    const SHOWN: usize = 3;
    match about.split_once(' ') {
        Some((what @ ("did" | "sender"), name)) => {
            let skip = name.chars().count().saturating_sub(SHOWN);
            format!("{what} …{}", name.chars().skip(skip).collect::<String>())
        }
        _ => about.to_owned(),
    }
}

/// What a look came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// New.
    pub opened: Vec<Found>,
    /// Rows that are over.
    pub cleared: Vec<i64>,
    /// Rows to tell of again, with today's words.
    pub again: Vec<(i64, Found)>,
}

/// Compares what is open with what was found. Kinds that were not looked at (`looked` lacks them) stay as they are.
pub fn compare(open: &[Open], found: &[Found], looked: &[Kind], now: Millis, again: Duration) -> Changes {
    let again = Millis::try_from(again.as_millis()).unwrap_or(Millis::MAX);
    let mut changes = Changes::default();
    for one in found {
        match open.iter().find(|open| open.kind == one.kind.name() && open.about == one.about) {
            None if changes.opened.iter().any(|it| it.kind == one.kind && it.about == one.about) => {}
            None => changes.opened.push(one.clone()),
            // A clock that was set back tells again too, rather than never.
            Some(open) if now - open.told_at >= again || open.told_at > now => {
                changes.again.push((open.id, one.clone()));
            }
            Some(_) => {}
        }
    }
    for open in open.iter().filter(|open| looked.iter().any(|kind| kind.name() == open.kind)) {
        if !found.iter().any(|one| one.kind.name() == open.kind && one.about == open.about) {
            changes.cleared.push(open.id);
        }
    }
    changes
}

/// Silences that are told already and last. A line that stays dead has no past by which it could be judged, once the
/// weeks that count have gone by; nor does a new holiday bring a fax. So such an alarm is over when a fax came since, or
/// when none is expected any more. `newest`: when the newest fax of a line was admitted.
pub fn still_silent(
    open: &[Open],
    found: &[Found],
    newest: impl Fn(&str) -> Option<Millis>,
    settings: &Settings,
    now: Millis,
) -> Vec<Found> {
    let told = open.iter().filter(|one| one.kind == Kind::Silence.name());
    let lasting = told.filter(|one| {
        let known = found.iter().any(|it| it.kind == Kind::Silence && it.about == one.about);
        let came = newest(&one.about).is_some_and(|at| at > one.opened_at);
        // An alarm of the future was opened by a wrong clock.
        !known && !came && settings.expects(&one.about) && one.opened_at <= now
    });
    lasting
        .map(|one| Found { kind: Kind::Silence, about: one.about.clone(), words: one.words.clone() })
        .collect()
}

/// A message that was tried in vain and waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Where it should go: `mail relay`, `webhook crm`, …
    pub door: String,
    /// Since when.
    pub since: Millis,
    /// Its last fault concerns the door and not this one message.
    pub systemic: bool,
    /// That fault's words.
    pub last: String,
}

/// So many messages to one door that wait for too long are no chance either, whatever each was told.
const MANY: usize = 3;

/// Doors that take nothing for longer than `longest`.
pub fn refusing(waits: &[Wait], longest: Duration, now: Millis) -> Vec<Found> {
    let longest = Millis::try_from(longest.as_millis()).unwrap_or(Millis::MAX);
    let mut doors: BTreeMap<&str, Vec<&Wait>> = BTreeMap::new();
    for wait in waits.iter().filter(|wait| now - wait.since >= longest) {
        doors.entry(&wait.door).or_default().push(wait);
    }
    let mut found = Vec::new();
    for (door, waits) in doors {
        let systemic = waits.iter().find(|wait| wait.systemic);
        let Some(told) = systemic.or(waits.first().filter(|_| waits.len() >= MANY)) else { continue };
        let since = waits.iter().map(|wait| wait.since).min().unwrap_or(now);
        let minutes = (now - since) / 60_000;
        let number = waits.len();
        let messages =
            if number == 1 { "1 message waits".to_owned() } else { format!("{number} messages wait") };
        let words =
            format!("The {door} takes nothing: {messages}, the oldest for {minutes} minutes. {}", told.last);
        found.push(Found { kind: Kind::Relay, about: door.to_owned(), words });
    }
    found
}

/// A relay each of whose contacts has failed by trouble of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayRefusal {
    /// Its name.
    pub name: String,
    /// Since when.
    pub since: Millis,
    /// The last trouble's words.
    pub words: String,
}

/// Relays that have refused for longer than `longest`, whoever takes their mail meanwhile.
pub fn relays(refusals: &[RelayRefusal], longest: Duration, now: Millis) -> Vec<Found> {
    let longest = Millis::try_from(longest.as_millis()).unwrap_or(Millis::MAX);
    let late = refusals.iter().filter(|one| now - one.since >= longest);
    late.map(|one| {
        let minutes = (now - one.since) / 60_000;
        let words = format!("The relay {} has refused for {minutes} minutes. {}", one.name, one.words);
        Found { kind: Kind::Relay, about: format!("relay {}", one.name), words }
    })
    .collect()
}

/// The queue, where its oldest fax is older than was promised. `oldest`: its age.
pub fn late(oldest: Option<Millis>, longest: Duration) -> Option<Found> {
    let age = oldest.filter(|age| *age as i128 > longest.as_millis() as i128)?;
    let words = format!(
        "A fax is not where it belongs after {} minutes. `faxgate status` shows what is open, `faxgate show` why.",
        age / 60_000
    );
    Some(Found { kind: Kind::Queue, about: "queue".to_owned(), words })
}

/// Places from which mails came back within the last day, at least `least` of them.
pub fn bounced(places: &[(String, u64)], least: u32) -> Vec<Found> {
    let many = |mails: u64| mails >= u64::from(least.max(1));
    let found = places.iter().filter(|(_, mails)| many(*mails)).map(|(place, mails)| {
        let came = if *mails == 1 { "1 mail".to_owned() } else { format!("{mails} mails") };
        let words = format!(
            "{came} to {place} came back within a day; the fallback inbox has the faxes. Correct the address."
        );
        Found { kind: Kind::Bounces, about: place.clone(), words }
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000;

    fn found(kind: Kind, about: &str) -> Found {
        Found { kind, about: about.into(), words: "words".into() }
    }

    fn open(id: i64, kind: Kind, about: &str, told_at: Millis) -> Open {
        Open {
            id,
            kind: kind.name().into(),
            about: about.into(),
            words: "old".into(),
            opened_at: told_at,
            told_at,
        }
    }

    #[test]
    fn an_alarm_is_opened_once_told_again_after_a_day_and_cleared() {
        let day = Duration::from_secs(86_400);
        let queue = found(Kind::Queue, "queue");
        let look = |open: &[Open], found: &[Found], now| compare(open, found, &Kind::ALL, now, day);
        let first = look(&[], &[queue.clone(), queue.clone()], 0);
        assert_eq!((first.opened.len(), first.cleared.len(), first.again.len()), (1, 0, 0));
        let known = [open(7, Kind::Queue, "queue", 0)];
        assert_eq!(look(&known, std::slice::from_ref(&queue), 1), Changes::default());
        assert_eq!(look(&known, std::slice::from_ref(&queue), 86_400_000).again, [(7, queue.clone())]);
        assert_eq!(look(&known, &[], 1).cleared, [7]);
        // What was not looked at is not over.
        assert_eq!(compare(&known, &[], &[Kind::Relay], 1, day), Changes::default());
    }

    #[test]
    fn a_silence_lasts_until_a_fax_came_or_the_line_is_given_up() {
        let told = [open(1, Kind::Silence, "did 1001", 100), open(2, Kind::Silence, "spool old", 100)];
        let about = |found: Vec<Found>| found.into_iter().map(|one| one.about).collect::<Vec<_>>();
        let usual = Settings::default();
        // No past is left to judge by, or nothing came since it was told.
        for newest in [None, Some(100)] {
            let still = still_silent(&told, &[], |_| newest, &usual, 200);
            assert!(still.iter().all(|one| one.words == "old"));
            assert_eq!(about(still), ["did 1001", "spool old"]);
        }
        let came = |line: &str| (line == "did 1001").then_some(101);
        assert_eq!(about(still_silent(&told, &[], came, &usual, 200)), ["spool old"]);
        let settings = Settings {
            given_up: vec!["did 1001".into()],
            spools: vec!["modems".into()],
            ..Settings::default()
        };
        assert!(still_silent(&told, &[], |_| None, &settings, 200).is_empty());
        assert!(settings.expects("spool modems") && settings.expects("did 1002"));
        // What is found anew is told with its own words; a clock that was set back ends what it opened.
        let anew = [found(Kind::Silence, "did 1001")];
        assert_eq!(about(still_silent(&told, &anew, |_| None, &usual, 200)), ["spool old"]);
        assert!(still_silent(&told, &[], |_| None, &usual, 99).is_empty());
    }

    #[test]
    fn a_relay_that_refuses_is_told_after_its_time_though_nothing_waits() {
        let refusal = |name: &str, minutes: i64| RelayRefusal {
            name: name.into(),
            since: -minutes * MINUTE,
            words: "It said 554. [deliver.smtp.connect]".into(),
        };
        let longest = Duration::from_secs(15 * 60);
        assert!(relays(&[], longest, 0).is_empty() && relays(&[refusal("first", 14)], longest, 0).is_empty());
        let told = relays(&[refusal("first", 20), refusal("second", 3)], longest, 0);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].kind, told[0].about.as_str()), (Kind::Relay, "relay first"));
        assert!(
            told[0].words.contains("20 minutes") && told[0].words.contains("It said 554"),
            "{}",
            told[0].words
        );
    }

    #[test]
    fn one_greylisted_message_is_no_alarm_but_a_refused_login_is() {
        let wait = |door: &str, minutes: i64, systemic| Wait {
            door: door.into(),
            since: -minutes * MINUTE,
            systemic,
            last: "said".into(),
        };
        let longest = Duration::from_secs(15 * 60);
        assert!(refusing(&[wait("mail relay", 60, false)], longest, 0).is_empty());
        assert!(refusing(&[wait("mail relay", 14, true)], longest, 0).is_empty());
        let told = refusing(&[wait("mail relay", 20, true), wait("mail relay", 30, false)], longest, 0);
        assert_eq!(told.len(), 1);
        assert!(told[0].words.contains("2 messages wait, the oldest for 30 minutes"), "{}", told[0].words);
        let many: Vec<Wait> = (0..3).map(|_| wait("webhook crm", 20, false)).collect();
        assert_eq!(refusing(&many, longest, 0)[0].about, "webhook crm");
    }

    #[test]
    fn a_queue_is_late_only_beyond_its_promise() {
        let promise = Duration::from_secs(30 * 60);
        assert_eq!(late(None, promise), None);
        assert_eq!(late(Some(30 * MINUTE), promise), None);
        assert_eq!(late(Some(31 * MINUTE), promise).map(|found| found.kind), Some(Kind::Queue));
    }

    #[test]
    fn logs_and_monitors_learn_no_number() {
        assert_eq!(masked("did 30101001"), "did …001");
        assert_eq!(masked("sender LOTUS TRADING"), "sender …ING");
        assert_eq!(masked("spool modems"), "spool modems");
    }

    #[test]
    fn bounces_count_by_place() {
        let places = [("a@x".to_owned(), 1), ("b@x".to_owned(), 3)];
        assert_eq!(bounced(&places, 1).len(), 2);
        assert_eq!(bounced(&places, 2).iter().map(|found| found.about.as_str()).collect::<Vec<_>>(), ["b@x"]);
    }
}
