//! Moves → rules: what people keep passing on by hand, a rule could have sent there. Pure.
//!
//! A rule is proposed only where what it rests on (a dialled number, a caller, a line on the page, a station's name)
//! stood on several faxes that were passed on to the same department, and on next to none that was left where it was.
//! Nothing is put in force: the text is for a person, for `faxgate check` and for `faxgate backtest`.
//!
//! A station's name (TSI) is the sender's own claim: it alone never leads to a sensitive department.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::fax::{FaxId, Sha256, one_line};

/// Lines of one fax that are looked at.
const LINES_MOST: usize = 60;
/// A line that could tell what a letter is about has so many characters (Han ones count double).
const LINE_LEAST: usize = 10;
/// A longer one is a sentence, and stands on one fax alone.
const LINE_MOST: usize = 60;
/// For each fax that a rule would catch though it was left where it was, so many that were passed on.
const MOVED_PER_OTHER: usize = 10;

/// What is known of a fax, as far as a rule could rest on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// The dialled number.
    pub did: Option<String>,
    /// The calling number.
    pub caller: Option<String>,
    /// The station's name.
    pub tsi: Option<String>,
    /// Lines of its text.
    pub lines: Vec<String>,
}

/// A fax that people passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The fax.
    pub fax: FaxId,
    /// The department that had it first.
    pub from: String,
    /// The department where it stayed.
    pub to: String,
    /// What is known of it.
    pub marks: Marks,
}

/// A fax that was left where the rules had sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stayed {
    /// Where: every department that got it.
    pub departments: Vec<String>,
    /// What is known of it.
    pub marks: Marks,
}

/// What a proposed rule rests on, the surest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The dialled number.
    Did(String),
    /// The calling number.
    Caller(String),
    /// A line on a page.
    Text(String),
    /// The station's name.
    Tsi(String),
}

impl Mark {
    fn key(&self) -> (&'static str, &str) {
        match self {
            Self::Did(value) => ("did", value),
            Self::Caller(value) => ("caller", value),
            Self::Text(value) => ("text", value),
            Self::Tsi(value) => ("tsi", value),
        }
    }
}

/// A rule that people's moves speak for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Suggestion {
    /// What it rests on; all must hold.
    pub marks: Vec<Mark>,
    /// Where it would send faxes.
    pub to: String,
    /// Faxes that were passed on by hand and that it would have sent there.
    pub faxes: Vec<FaxId>,
    /// Faxes that it would have taken away from where they were left or passed on to.
    pub others: usize,
}

/// All suggestions, those that most moves speak for first. `least`: so many faxes must speak for one.
pub fn suggest(
    moved: &[Moved],
    stayed: &[Stayed],
    sensitive: &BTreeSet<String>,
    least: usize,
) -> Vec<Suggestion> {
    let mut suggestions = Vec::new();
    // Where a fax belongs, as far as people said: where it was left, or where it was passed on to.
    let left = stayed.iter().map(|one| Belongs { to: &one.departments, known: Known::of(&one.marks) });
    let moved_on =
        moved.iter().map(|one| Belongs { to: std::slice::from_ref(&one.to), known: Known::of(&one.marks) });
    let all: Vec<Belongs<'_>> = left.chain(moved_on).collect();
    let targets: BTreeSet<&str> = moved.iter().map(|one| one.to.as_str()).collect();
    for to in targets {
        let mut open: Vec<&Moved> = moved.iter().filter(|one| one.to == to).collect();
        // Each round takes the mark that speaks for most faxes; what it explains needs no other.
        while let Some(best) = best(&open, &all, to, sensitive.contains(to), least) {
            open.retain(|one| !best.faxes.contains(&one.fax));
            suggestions.push(best);
        }
    }
    suggestions.sort_by(|a, b| b.faxes.len().cmp(&a.faxes.len()).then_with(|| a.marks.cmp(&b.marks)));
    suggestions
}

fn best(open: &[&Moved], all: &[Belongs<'_>], to: &str, sensitive: bool, least: usize) -> Option<Suggestion> {
    let mut groups: BTreeMap<Mark, Vec<&Moved>> = BTreeMap::new();
    for &one in open {
        for mark in marks(&one.marks) {
            groups.entry(mark).or_default().push(one);
        }
    }
    let mut candidates: Vec<(Mark, Vec<&Moved>)> =
        groups.into_iter().filter(|(_, group)| group.len() >= least.max(1)).collect();
    // Stable: of equal numbers, the surer mark stays first.
    candidates.sort_by_key(|(_, group)| std::cmp::Reverse(group.len()));
    candidates.into_iter().find_map(|(mark, group)| {
        let mut marks = vec![mark];
        if sensitive && matches!(marks[0], Mark::Tsi(_)) {
            marks.insert(0, Mark::Did(shared_did(&group)?));
        }
        let others = all
            .iter()
            .filter(|one| !one.to.iter().any(|department| department == to))
            .filter(|one| marks.iter().all(|mark| one.known.bears(mark)))
            .count();
        let faxes: Vec<FaxId> = group.iter().map(|one| one.fax.clone()).collect();
        (others * MOVED_PER_OTHER <= faxes.len()).then(|| Suggestion {
            marks,
            to: to.to_owned(),
            faxes,
            others,
        })
    })
}

/// The dialled number that all of them share.
fn shared_did(group: &[&Moved]) -> Option<String> {
    let first = group.first()?.marks.did.clone()?;
    let same =
        group.iter().all(|one| one.marks.did.as_deref().is_some_and(|did| digits(did) == digits(&first)));
    same.then_some(first)
}

fn marks(marks: &Marks) -> BTreeSet<Mark> {
    let mut found = BTreeSet::new();
    let known = |value: &Option<String>| value.clone().filter(|value| !value.trim().is_empty());
    found.extend(known(&marks.did).filter(|did| !digits(did).is_empty()).map(|did| Mark::Did(spelt(&did))));
    found.extend(
        known(&marks.caller).filter(|one| !digits(one).is_empty()).map(|one| Mark::Caller(spelt(&one))),
    );
    // A name that holds the signs of a pattern would fit more than itself.
    let tsi = known(&marks.tsi).map(|tsi| one_line(&tsi, 60));
    found.extend(tsi.filter(|tsi| !tsi.is_empty() && !tsi.contains(['*', '?'])).map(Mark::Tsi));
    found.extend(marks.lines.iter().take(LINES_MOST).filter_map(|line| telling(line)).map(Mark::Text));
    found
}

/// A fax and where it belongs.
struct Belongs<'a> {
    to: &'a [String],
    known: Known,
}

/// Marks made comparable once: every candidate is held against every fax.
struct Known {
    did: Option<String>,
    caller: Option<String>,
    tsi: Option<String>,
    lines: Vec<String>,
}

impl Known {
    fn of(marks: &Marks) -> Self {
        Self {
            did: marks.did.as_deref().map(digits),
            caller: marks.caller.as_deref().map(digits),
            tsi: marks.tsi.as_deref().map(|tsi| one_line(tsi, 60)),
            lines: marks.lines.iter().map(|line| folded(line)).collect(),
        }
    }

    fn bears(&self, mark: &Mark) -> bool {
        match mark {
            Mark::Did(value) => self.did.as_ref().is_some_and(|did| *did == digits(value)),
            Mark::Caller(value) => self.caller.as_ref().is_some_and(|caller| *caller == digits(value)),
            Mark::Tsi(value) => self.tsi.as_ref() == Some(value),
            Mark::Text(value) => self.lines.iter().any(|line| line.contains(value.as_str())),
        }
    }
}

/// A line that could tell what a letter is about: long enough to mean something, without digits (dates, numbers).
fn telling(line: &str) -> Option<String> {
    let line = folded(line);
    let weight: usize = line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    let good = (LINE_LEAST..=LINE_MOST).contains(&weight)
        && !line.chars().any(|c| c.is_numeric() || "*?".contains(c))
        && line.chars().filter(|c| c.is_alphabetic()).count() * 3 >= line.chars().count() * 2;
    good.then_some(line)
}

fn folded(line: &str) -> String {
    one_line(&line.to_lowercase(), 400)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// A number as a rule may write it.
fn spelt(number: &str) -> String {
    let plus = if number.trim().starts_with('+') { "+" } else { "" };
    format!("{plus}{}", digits(number))
}

/// The suggestions as `[[rule]]` tables, with what speaks for each as a comment.
pub fn rules_text(suggestions: &[Suggestion]) -> String {
    let mut text = String::new();
    for one in suggestions {
        let faxes = one.faxes.len();
        let last = one.faxes.iter().max().map(ToString::to_string).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "# {faxes} faxes were passed on to \"{}\" by hand (the last is {last}); {} that this rule would catch were \
             left or passed on elsewhere.",
            comment(&one.to),
            one.others
        );
        let _ = writeln!(text, "[[rule]]\nname = {}", quoted(&name(one)));
        for mark in &one.marks {
            let (key, value) = mark.key();
            let _ = writeln!(text, "{key} = [{}]", quoted(value));
        }
        let _ = writeln!(text, "to = [{}]\n", quoted(&one.to));
    }
    text
}

/// A name that a rule may have, the same for the same rule: what was taken over once is not proposed under another.
fn name(one: &Suggestion) -> String {
    let marks: Vec<String> = one.marks.iter().map(|mark| format!("{:?}", mark.key())).collect();
    let digest: String = Sha256::of(marks.join(" ").as_bytes()).to_string().chars().take(8).collect();
    let plain = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    let to: String = one.to.chars().filter(plain).take(40).collect();
    format!("suggested-{to}-{digest}")
}

fn comment(text: &str) -> String {
    one_line(text, 120)
}

/// A TOML basic string (TOML 1.0, "String").
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marks(did: &str, caller: &str, tsi: &str, lines: &[&str]) -> Marks {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Marks {
            did: some(did),
            caller: some(caller),
            tsi: some(tsi),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    fn moved(number: u8, to: &str, marks: Marks) -> Moved {
        Moved {
            fax: FaxId::new(i64::from(number), [number; 5]),
            from: "registry".into(),
            to: to.into(),
            marks,
        }
    }

    fn stayed(department: &str, marks: Marks) -> Stayed {
        Stayed { departments: vec![department.into()], marks }
    }

    #[test]
    fn what_sets_the_moved_faxes_apart_becomes_a_rule() {
        let form = "Application for a Hawker Licence";
        let all = [
            moved(1, "licensing", marks("3010 1000", "2810 1111", "", &[form, "Dear Sir"])),
            moved(2, "licensing", marks("3010 1000", "2810 2222", "", &["APPLICATION FOR A HAWKER LICENCE"])),
            moved(3, "licensing", marks("3010 1000", "2810 3333", "", &[form])),
        ];
        // The dialled number is the registry's own: most of what comes there stays.
        let rest: Vec<Stayed> =
            (0..20).map(|_| stayed("registry", marks("30101000", "", "", &["Dear Sir"]))).collect();
        let found = suggest(&all, &rest, &BTreeSet::new(), 2);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].marks, [Mark::Text("application for a hawker licence".into())]);
        assert_eq!((found[0].faxes.len(), found[0].others), (3, 0));
    }

    #[test]
    fn a_caller_is_surer_than_the_name_it_gives_itself() {
        let of = |n| moved(n, "benefits", marks("", "+852 2810 1234", "WING FAI", &[]));
        let found = suggest(&[of(1), of(2)], &[], &BTreeSet::new(), 2);
        assert_eq!(found[0].marks, [Mark::Caller("+85228101234".into())]);
        assert_eq!(found.len(), 1);
        assert_eq!(suggest(&[of(1)], &[], &BTreeSet::new(), 2), [], "one move is no habit");
    }

    #[test]
    fn a_stations_name_alone_never_leads_to_a_sensitive_department() {
        let sensitive = BTreeSet::from(["dispensary".to_owned()]);
        let named = |n, did: &str| moved(n, "dispensary", marks(did, "", "PHARMACY", &[]));
        let elsewhere = [stayed("registry", marks("30101000", "", "", &[]))];
        assert_eq!(suggest(&[named(1, ""), named(2, "")], &elsewhere, &sensitive, 2), []);
        let found = suggest(&[named(1, "30101000"), named(2, "3010 1000")], &elsewhere, &sensitive, 2);
        assert_eq!(found[0].marks, [Mark::Did("30101000".into()), Mark::Tsi("PHARMACY".into())]);
        // To another department it may.
        let plain =
            [moved(1, "post", marks("", "", "MAIL", &[])), moved(2, "post", marks("", "", "MAIL", &[]))];
        assert_eq!(suggest(&plain, &[], &sensitive, 2)[0].marks, [Mark::Tsi("MAIL".into())]);
    }

    #[test]
    fn a_rule_that_would_take_faxes_away_from_others_is_not_proposed() {
        let of = |n| moved(n, "benefits", marks("", "28101234", "", &[]));
        let one = [stayed("registry", marks("", "2810 1234", "", &[]))];
        assert_eq!(suggest(&[of(1), of(2)], &one, &BTreeSet::new(), 2), []);
        let there = [stayed("benefits", marks("", "2810 1234", "", &[]))];
        assert_eq!(suggest(&[of(1), of(2)], &there, &BTreeSet::new(), 2).len(), 1);
    }

    #[test]
    fn what_was_passed_on_to_others_speaks_against_a_rule() {
        let to = |n, to: &str| moved(n, to, marks("", "28101234", "", &[]));
        let mut all = vec![to(1, "benefits"), to(2, "benefits")];
        all.extend((3..53).map(|n| to(n, "licensing")));
        let found = suggest(&all, &[], &BTreeSet::new(), 2);
        // Fifty for licensing bear two of benefits; two for benefits do not bear fifty.
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].to.as_str(), found[0].faxes.len(), found[0].others), ("licensing", 50, 2));
    }

    proptest! {
        #[test]
        fn no_station_name_leaves_its_string(tsi in "\\PC{1,40}", odd in "[\"\\\\\\[\\]*?#\u{1}\n]{0,8}") {
            let of = |n| moved(n, "a", marks("", "", &format!("{odd}{tsi}"), &[]));
            let text = rules_text(&suggest(&[of(1), of(2)], &[], &BTreeSet::new(), 2));
            let parsed = toml_span::parse(&text);
            prop_assert!(parsed.is_ok(), "{text}");
            prop_assert!(text.matches("[[rule]]").count() <= 1 || tsi.contains("[[rule]]"));
        }
    }
}
