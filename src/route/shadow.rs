//! [`Shadows`]: which rules never get their turn, found without comparing every rule with every other.
//!
//! A rule takes what another could only if each of its conditions covers one of the other's. So it is enough to find,
//! for each rule, the earlier ones of which *one* condition covers one of its own; for that, one condition of every
//! rule stands in an index under keys that whatever it covers must have too. Whoever is found so is then compared in
//! full. Claims are never wrong; what no index key can tell (two regular expressions) is compared by equality alone.

use std::collections::HashMap;

use super::condition::Condition;
use super::fold::{fold, is_spaced_word};
use super::pattern::literal_start;
use super::rule::Rule;

/// An entry of a rule's condition that an earlier rule takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Place of the condition in the rule.
    pub condition: usize,
    /// Place of the entry in the condition.
    pub entry: usize,
    /// Place of the earlier rule among those that were pushed.
    pub by: usize,
}

/// What earlier rules leave of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shadow {
    /// The earlier rule because of which it never matches: the first that takes all, or the last of several that together
    /// take every entry of one condition.
    pub whole: Option<usize>,
    /// Single entries that can bring nothing.
    pub partly: Vec<Taken>,
}

/// Earlier rules, indexed.
#[derive(Debug, Clone, Default)]
pub struct Shadows {
    rules: Vec<Rule>,
    index: HashMap<Key, Vec<usize>>,
    /// Rules without conditions.
    anywhere: Vec<usize>,
}

/// What two conditions must have in common if one is to cover the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    kind: &'static str,
    text: String,
}

impl Shadows {
    /// The next rule in order.
    pub fn push(&mut self, rule: &Rule) {
        let at = self.rules.len();
        self.rules.push(rule.clone());
        let all = rule.when.iter().map(|condition| {
            let kind = condition.key();
            condition.cover_keys().into_iter().map(|text| Key { kind, text }).collect::<Vec<_>>()
        });
        // the condition that fewest others share, so that no key has a long list: a spool says little, a number much
        let crowd = |keys: &Vec<Key>| {
            keys.iter().map(|key| 1 + self.index.get(key).map_or(0, Vec::len)).sum::<usize>()
        };
        match all.min_by_key(crowd) {
            Some(keys) => {
                for key in keys {
                    self.index.entry(key).or_default().push(at);
                }
            }
            // a rule without conditions covers everything
            None => self.anywhere.push(at),
        }
    }

    /// What the rules pushed so far leave of this one.
    pub fn look(&self, rule: &Rule) -> Shadow {
        let mut found = Shadow::default();
        let candidates = self.candidates(rule);
        let take = |by: &usize| self.rules.get(*by).is_some_and(|first| first.shadows(rule));
        if let Some(by) = candidates.iter().copied().find(|by| take(by)) {
            found.whole = Some(by);
            return found;
        }
        for (at, condition) in rule.when.iter().enumerate() {
            let entries = condition.entries();
            let mut taken: Vec<Option<usize>> = vec![None; entries];
            for by in &candidates {
                let Some(first) = self.rules.get(*by) else { continue };
                for entry in first.takes_of(rule, condition) {
                    if let Some(place) = taken.get_mut(entry) {
                        place.get_or_insert(*by);
                    }
                }
            }
            if entries > 0 && taken.iter().all(Option::is_some) {
                found.whole = taken.last().copied().flatten();
                found.partly.clear();
                return found;
            }
            let places = taken.into_iter().enumerate();
            found
                .partly
                .extend(places.filter_map(|(entry, by)| Some(Taken { condition: at, entry, by: by? })));
        }
        found
    }

    /// Places of earlier rules that may take something of this one, in order.
    fn candidates(&self, rule: &Rule) -> Vec<usize> {
        let mut found = self.anywhere.clone();
        for condition in &rule.when {
            let kind = condition.key();
            for text in condition.covered_keys() {
                found.extend(self.index.get(&Key { kind, text }).into_iter().flatten());
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Rule {
    /// Entries of `condition`, one of `later`'s, that this rule takes: what comes to `later` by them comes here first.
    fn takes_of(&self, later: &Self, condition: &Condition) -> Vec<usize> {
        if self.confidence > later.confidence {
            return vec![];
        }
        let mut left: Option<Vec<usize>> = None;
        for mine in &self.when {
            if later.when.iter().any(|theirs| mine.covers(theirs)) {
                continue;
            }
            // what it demands beyond that, it may only demand of the condition in question
            match (mine.uncovered(condition), &left) {
                (Some(rest), None) => left = Some(rest),
                _ => return vec![],
            }
        }
        match left {
            Some(left) => (0..condition.entries()).filter(|entry| !left.contains(entry)).collect(),
            // it takes the whole rule
            None => (0..condition.entries()).collect(),
        }
    }
}

/// Beginnings are told apart by so many characters.
const LONGEST_START: usize = 32;

/// What stands for a kind of entry that has no better key.
const ANY: &str = "*";

/// Keys: a condition covers another of its kind only if one of its own keys is among those that the other may be covered
/// by. A key too many costs time, a missing one hides a finding; neither makes one that is wrong.
impl Condition {
    /// Number of its alternatives; a flag is one.
    pub fn entries(&self) -> usize {
        match self {
            Self::Spool(list) | Self::Subaddress(list) | Self::Trunk(list) | Self::Language(list) => {
                list.len()
            }
            Self::Did(list) | Self::Caller(list) => list.len(),
            Self::Tsi(list) => list.len(),
            Self::Device(list) => list.len(),
            Self::Time(list) => list.len(),
            Self::Weekday(list) => list.len(),
            Self::Pages(list) => list.len(),
            Self::Duplicate(list) => list.len(),
            Self::Barcode(list) => list.len(),
            Self::Reference(list) => list.len(),
            Self::Form(list) => list.len(),
            Self::Attention(list) | Self::Text(list) => list.len(),
            Self::TextRegex(list) => list.len(),
            Self::Holiday(_) | Self::Damaged(_) => 1,
        }
    }

    fn cover_keys(&self) -> Vec<String> {
        match self {
            Self::Did(list) | Self::Caller(list) => list.iter().flat_map(|one| one.cover_keys()).collect(),
            Self::Tsi(list) => list
                .iter()
                .flat_map(|one| {
                    let number = one.number().map_or(vec![], |number| number.cover_keys());
                    number.into_iter().chain([start_key(literal_start(&fold(one.as_str())))])
                })
                .collect(),
            Self::Device(list) => list.iter().map(|one| glob_key(one.as_str())).collect(),
            Self::Barcode(list) => list.iter().map(|one| start_key(one.start())).collect(),
            // an expression may cover any text, so it stands under the empty beginning that all have
            Self::Reference(list) => list.iter().map(|one| start_key(one.start())).collect(),
            Self::Attention(list) | Self::Text(list) => {
                list.iter().map(|words| words_key(words.as_str())).collect()
            }
            other => other.plain_keys(),
        }
    }

    fn covered_keys(&self) -> Vec<String> {
        match self {
            Self::Did(list) | Self::Caller(list) => list.iter().flat_map(|one| one.covered_keys()).collect(),
            Self::Tsi(list) => list
                .iter()
                .flat_map(|one| {
                    let number = one.number().map_or(vec![], |number| number.covered_keys());
                    number.into_iter().chain(starts_of(&fold(one.as_str())))
                })
                .collect(),
            Self::Device(list) => list.iter().flat_map(|one| starts_of(one.as_str())).collect(),
            Self::Barcode(list) => {
                list.iter().flat_map(|one| starts_of(one.start().map_or("", |start| start.0))).collect()
            }
            Self::Reference(list) => {
                list.iter().flat_map(|one| starts_of(one.start().map_or("", |start| start.0))).collect()
            }
            Self::Attention(list) | Self::Text(list) => {
                list.iter().flat_map(|words| tokens(&fold(words.as_str())).chain([ANY.to_owned()])).collect()
            }
            other => other.plain_keys(),
        }
    }

    /// Kinds of which an entry covers nothing but its like, and kinds of which there are too few to tell apart.
    fn plain_keys(&self) -> Vec<String> {
        match self {
            Self::Spool(list) | Self::Subaddress(list) | Self::Trunk(list) | Self::Language(list) => {
                list.clone()
            }
            Self::Form(list) => list.iter().map(|form| form.name.clone()).collect(),
            Self::TextRegex(list) => list.iter().map(|one| one.as_str().to_owned()).collect(),
            Self::Holiday(flag) | Self::Damaged(flag) => vec![flag.to_string()],
            _ => vec![ANY.to_owned()],
        }
    }
}

fn start_key(start: Option<(&str, bool)>) -> String {
    beginning(start.map_or("", |start| start.0))
}

fn beginning(text: &str) -> String {
    "^".chars().chain(text.chars().take(LONGEST_START)).collect()
}

/// Of a glob over devices, which knows `[…]` too.
fn glob_key(glob: &str) -> String {
    beginning(glob.split(['*', '?', '[']).next().unwrap_or(""))
}

/// Keys of all beginnings.
fn starts_of(text: &str) -> Vec<String> {
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]).take(LONGEST_START + 1);
    ends.filter_map(|at| text.get(..at)).map(|start| format!("^{start}")).collect()
}

/// A phrase is sought under its longest word; one that may go on within a word, under none.
fn words_key(shown: &str) -> String {
    if shown.starts_with('*') || shown.ends_with('*') {
        return ANY.to_owned();
    }
    tokens(&fold(shown)).max_by_key(String::len).unwrap_or_else(|| ANY.to_owned())
}

/// Words of spaced scripts, and single characters of others.
fn tokens(folded: &str) -> std::vec::IntoIter<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut within = false;
    for c in folded.chars() {
        match (is_spaced_word(c), within, tokens.last_mut()) {
            (true, true, Some(word)) => word.push(c),
            (true, ..) => tokens.push(c.to_string()),
            _ if c.is_whitespace() => {}
            _ => tokens.push(c.to_string()),
        }
        within = is_spaced_word(c);
    }
    tokens.into_iter()
}

#[cfg(test)]
mod tests {
    use super::super::number::NumberPlan;
    use super::super::{
        CodePattern, Condition, DevicePattern, NumberPattern, PageRange, ReferencePattern, StationPattern,
        Words,
    };
    use super::*;
    use proptest::prelude::*;

    fn plan() -> NumberPlan {
        NumberPlan { country_code: Some("852".into()), national_digits: Some(8), ..NumberPlan::default() }
    }

    /// Each rule against every earlier one, as the definition has it.
    fn by_comparing_all(rules: &[Rule]) -> Vec<Shadow> {
        let compare = |at: usize| {
            let (before, rule) = (&rules[..at], &rules[at]);
            if let Some(whole) = before.iter().position(|first| first.shadows(rule)) {
                return Shadow { whole: Some(whole), partly: vec![] };
            }
            let mut found = Shadow::default();
            for (condition, list) in rule.when.iter().enumerate() {
                let taken: Vec<Option<usize>> = (0..list.entries())
                    .map(|entry| before.iter().position(|first| first.takes_of(rule, list).contains(&entry)))
                    .collect();
                if taken.iter().all(Option::is_some) {
                    return Shadow { whole: taken[taken.len() - 1], partly: vec![] };
                }
                let places = taken.into_iter().enumerate();
                found
                    .partly
                    .extend(places.filter_map(|(entry, by)| Some(Taken { condition, entry, by: by? })));
            }
            found
        };
        (0..rules.len()).map(compare).collect()
    }

    fn condition() -> impl Strategy<Value = Condition> {
        let list = |pattern: &'static str| prop::collection::vec(pattern, 1..3);
        fn all<T, E>(list: Vec<String>, parse: impl Fn(&str) -> Result<T, E>) -> Option<Vec<T>> {
            let good: Vec<T> = list.iter().filter_map(|text| parse(text).ok()).collect();
            (!good.is_empty()).then_some(good)
        }
        let number = "(\\+852 )?(28|281|2810 123)[0-9*]";
        prop_oneof![
            list("[ab]").prop_map(|list| Some(Condition::Spool(list))),
            list(number)
                .prop_map(|list| all(list, |text| NumberPattern::parse(text, &plan())).map(Condition::Did)),
            list("[*][0-3]{1,2}")
                .prop_map(|list| all(list, |text| NumberPattern::parse(text, &plan())).map(Condition::Did)),
            list("(2810 1234|[*]|a[*b?]{1,2}|28[*])")
                .prop_map(|list| all(list, |text| StationPattern::parse(text, &plan())).map(Condition::Tsi)),
            list("(tty)?S?[*01?]").prop_map(|list| all(list, DevicePattern::parse).map(Condition::Device)),
            list("[1-3]|<[2-4]").prop_map(|list| all(list, PageRange::parse).map(Condition::Pages)),
            list("(a|ab|牌|牌照|a b|[*]b|b[*]){1,2}")
                .prop_map(|list| all(list, Words::parse).map(Condition::Text)),
            list("(qr:)?[ab*]{1,2}").prop_map(|list| all(list, CodePattern::parse).map(Condition::Barcode)),
            list("[ab*]{1,2}|/[ab]+/")
                .prop_map(|list| all(list, ReferencePattern::parse).map(Condition::Reference)),
        ]
        .prop_filter_map("no pattern", |condition| condition)
    }

    fn rule() -> impl Strategy<Value = Rule> {
        prop::collection::vec(condition(), 1..3).prop_map(|mut when| {
            when.dedup_by_key(|condition| condition.key());
            Rule { name: "r".into(), when, ..Rule::default() }
        })
    }

    /// Found by the property below.
    #[test]
    fn an_expression_takes_the_references_that_it_fits() {
        let of = |text: &str| Rule {
            name: "r".into(),
            when: vec![Condition::Reference(vec![ReferencePattern::parse(text).unwrap()])],
            ..Rule::default()
        };
        let mut shadows = Shadows::default();
        shadows.push(&of(r"/lic\/\d+/"));
        assert_eq!(shadows.look(&of("LIC/17")).whole, Some(0));
        assert_eq!(shadows.look(&of(r"/lic\/\d+/")).whole, Some(0));
        assert_eq!(shadows.look(&of("LIC/*")).whole, None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_index_finds_what_comparing_all_finds(rules in prop::collection::vec(rule(), 1..12)) {
            let mut shadows = Shadows::default();
            let mut found = Vec::new();
            for rule in &rules {
                found.push(shadows.look(rule));
                shadows.push(rule);
            }
            prop_assert_eq!(found, by_comparing_all(&rules));
        }
    }
}
