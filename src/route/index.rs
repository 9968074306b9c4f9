//! [`Index`]: which of ten thousand rules may fit a fax at all, without asking each.
//!
//! A rule can only match if each of its conditions does, so it is enough to know of *one* of them when it can: its anchor.
//! For each rule that condition is taken whose values the fewest rules share. Numbers, names and codes are looked up by
//! hash, whole or by each of their beginnings; phrases are found by one Aho-Corasick automaton over all of them (misread
//! ones by their unharmed pieces), expressions by a text that each match must hold, else by one set of all. What comes out
//! is never too little: every rule that may fit is among the candidates, and each of those is then judged as ever.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;
use regex_syntax::hir::{Hir, HirKind};

use super::condition::Condition;
use super::number::{NumberKey, NumberPattern, Reading};
use super::rule::Rule;
use super::seen::Seen;
use super::text::TextRegex;

/// Fewer rules than this are looked at one by one: that is faster.
const FEWEST: usize = 65;
/// Largest set of expressions, compiled, in bytes. Rules whose expressions do not fit are always asked.
const LARGEST_SET: usize = 64 << 20;
/// Longest beginning of a text by which rules are kept, in characters.
const LONGEST_START: usize = 32;
/// Shortest text that an expression is kept by, in bytes: shorter ones stand everywhere.
const SHORTEST_LITERAL: usize = 3;

/// By what a rule is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Spool(String),
    Trunk(String),
    Subaddress(String),
    Device(String),
    Did(NumberKey),
    Caller(NumberKey),
    StationNumber(NumberKey),
    /// The text; whether it is all.
    Station(String, bool),
    Reference(String, bool),
    Barcode(String, bool),
    /// Stands on a page, or behind a mark of attention.
    Words(String),
    /// Stands where the expression matches.
    Literal(String),
    Expression(String),
}

/// Which rules may fit.
#[derive(Default)]
pub(super) struct Index {
    /// Too few to be worth it.
    all: bool,
    /// Rules without an anchor.
    always: Vec<u32>,
    by_key: HashMap<Key, Vec<u32>>,
    words: Finder,
    literals: Finder,
    expressions: Option<(regex::RegexSet, Vec<Vec<u32>>)>,
    /// Some anchor is of this kind.
    references: bool,
    barcodes: bool,
    stations: bool,
    attention: bool,
}

/// Many texts sought at once, and the rules of each.
#[derive(Default)]
struct Finder {
    automaton: Option<AhoCorasick>,
    rules: Vec<Vec<u32>>,
}

impl Finder {
    /// `None`: the automaton would be too large.
    fn new(texts: Vec<(String, Vec<u32>)>) -> Option<Self> {
        if texts.is_empty() {
            return Some(Self::default());
        }
        let (texts, rules): (Vec<String>, Vec<Vec<u32>>) = texts.into_iter().unzip();
        Some(Self { automaton: Some(AhoCorasick::new(texts).ok()?), rules })
    }

    fn find(&self, text: &str, hits: &mut Hits) {
        let Some(automaton) = &self.automaton else { return };
        for found in automaton.find_overlapping_iter(text) {
            hits.add(self.rules.get(found.pattern().as_usize()));
        }
    }
}

/// Rules found, each once.
struct Hits {
    bits: Vec<u64>,
}

impl Hits {
    fn add(&mut self, rules: Option<&Vec<u32>>) {
        for rule in rules.into_iter().flatten() {
            if let Some(word) = self.bits.get_mut(*rule as usize / 64) {
                *word |= 1 << (rule % 64);
            }
        }
    }

    fn in_order(self) -> Vec<usize> {
        let mut rules = Vec::new();
        for (at, mut word) in self.bits.into_iter().enumerate() {
            while word != 0 {
                rules.push(at * 64 + word.trailing_zeros() as usize);
                word &= word - 1;
            }
        }
        rules
    }
}

impl Index {
    /// An index over rules in their order.
    pub(super) fn new(list: &[Rule]) -> Self {
        if list.len() < FEWEST {
            return Self { all: true, ..Self::default() };
        }
        Self::build(list)
    }

    /// The same, however few there are.
    pub(super) fn build(list: &[Rule]) -> Self {
        let keys: Vec<Vec<Vec<Key>>> =
            list.iter().map(|rule| rule.when.iter().filter_map(keys).collect()).collect();
        let mut shared: HashMap<&Key, usize> = HashMap::new();
        keys.iter().flatten().flatten().for_each(|key| *shared.entry(key).or_default() += 1);
        let weight = |keys: &Vec<Key>| {
            keys.iter().map(|key| shared.get(key).copied().unwrap_or(0) * key.cost()).sum::<usize>()
        };
        let mut index = Self::default();
        let mut anchors: HashMap<Key, Vec<u32>> = HashMap::new();
        for (at, conditions) in (0u32..).zip(&keys) {
            match conditions.iter().min_by_key(|keys| weight(keys)) {
                Some(anchor) => {
                    for key in anchor {
                        let rules = anchors.entry(key.clone()).or_default();
                        if rules.last() != Some(&at) {
                            rules.push(at);
                        }
                    }
                }
                None => index.always.push(at),
            }
        }
        index.attention = list.iter().flat_map(|rule| &rule.when).any(|one| one.key() == "attention");
        index.place(anchors);
        index
    }

    fn place(&mut self, anchors: HashMap<Key, Vec<u32>>) {
        let (mut words, mut literals, mut expressions) = (Vec::new(), Vec::new(), Vec::new());
        for (key, rules) in anchors {
            match key {
                Key::Words(text) => words.push((text, rules)),
                Key::Literal(text) => literals.push((text, rules)),
                Key::Expression(text) => expressions.push((text, rules)),
                key => {
                    self.references |= matches!(key, Key::Reference(..));
                    self.barcodes |= matches!(key, Key::Barcode(..));
                    self.stations |= matches!(key, Key::Station(..) | Key::StationNumber(_));
                    self.by_key.insert(key, rules);
                }
            }
        }
        let mut finder = |texts: Vec<(String, Vec<u32>)>| {
            let rules: Vec<u32> = texts.iter().flat_map(|(_, rules)| rules).copied().collect();
            Finder::new(texts).unwrap_or_else(|| {
                self.always.extend(rules);
                Finder::default()
            })
        };
        self.words = finder(words);
        self.literals = finder(literals);
        let (texts, rules): (Vec<String>, Vec<Vec<u32>>) = expressions.into_iter().unzip();
        if !texts.is_empty() {
            let set = regex::RegexSetBuilder::new(texts)
                .case_insensitive(true)
                .multi_line(true)
                .size_limit(LARGEST_SET)
                .dfa_size_limit(LARGEST_SET)
                .build();
            match set {
                Ok(set) => self.expressions = Some((set, rules)),
                Err(_) => self.always.extend(rules.into_iter().flatten()),
            }
        }
    }

    /// Places of the rules that may fit, in order; of `rules` rules.
    pub(super) fn candidates(&self, seen: &Seen<'_>, rules: usize) -> Vec<usize> {
        if self.all {
            return (0..rules).collect();
        }
        let mut hits = Hits { bits: vec![0; rules.div_ceil(64)] };
        hits.add(Some(&self.always));
        self.by_call(seen, &mut hits);
        self.by_text(seen, &mut hits);
        hits.in_order()
    }

    fn by_call(&self, seen: &Seen<'_>, hits: &mut Hits) {
        let call = &seen.facts.call;
        let mut add = |key: Key| hits.add(self.by_key.get(&key));
        add(Key::Spool(seen.facts.spool.clone()));
        call.trunk.iter().for_each(|name| add(Key::Trunk(name.clone())));
        call.subaddress.iter().for_each(|text| add(Key::Subaddress(text.trim().to_owned())));
        call.device.iter().for_each(|name| add(Key::Device(name.clone())));
        number_keys(seen.did()).for_each(|key| add(Key::Did(key)));
        number_keys(seen.caller()).for_each(|key| add(Key::Caller(key)));
        if let Some((text, number)) = seen.station().filter(|_| self.stations) {
            starts(text).for_each(|(start, whole)| add(Key::Station(start, whole)));
            number_keys(number.as_ref()).for_each(|key| add(Key::StationNumber(key)));
        }
        if self.barcodes {
            for text in seen.codes() {
                starts(text).for_each(|(start, whole)| add(Key::Barcode(start, whole)));
            }
        }
        if self.references {
            for reference in seen.references() {
                starts(&reference.text).for_each(|(start, whole)| add(Key::Reference(start, whole)));
            }
        }
    }

    fn by_text(&self, seen: &Seen<'_>, hits: &mut Hits) {
        if self.words.automaton.is_some() {
            for page in seen.pages() {
                page.readings().iter().for_each(|reading| self.words.find(&reading.text, hits));
            }
            if self.attention {
                seen.attention().iter().for_each(|one| self.words.find(&one.text, hits));
            }
        }
        if self.literals.automaton.is_some() {
            for page in seen.pages() {
                self.literals.find(&page.expressed().text.to_ascii_lowercase(), hits);
            }
        }
        if let Some((set, rules)) = &self.expressions {
            for page in seen.pages() {
                set.matches(&page.expressed().text).iter().for_each(|at| hits.add(rules.get(at)));
            }
        }
    }
}

impl Key {
    /// What a key costs beside others that as many rules share: text is long, and the same words stand in many letters.
    fn cost(&self) -> usize {
        match self {
            Self::Expression(_) => 16,
            Self::Words(_) | Self::Literal(_) => 2,
            _ => 1,
        }
    }
}

/// The keys of which one is found wherever the condition holds. `None`: it has none.
fn keys(condition: &Condition) -> Option<Vec<Key>> {
    let names = |names: &[String], key: fn(String) -> Key| Some(names.iter().cloned().map(key).collect());
    let numbers = |patterns: &[NumberPattern], key: fn(NumberKey) -> Key| {
        let each: Option<Vec<Vec<NumberKey>>> = patterns.iter().map(NumberPattern::keys).collect();
        Some(each?.into_iter().flatten().map(key).collect())
    };
    match condition {
        Condition::Spool(list) => names(list, Key::Spool),
        Condition::Trunk(list) => names(list, Key::Trunk),
        Condition::Subaddress(list) => names(list, Key::Subaddress),
        Condition::Device(list) => {
            list.iter().map(|one| Some(Key::Device(one.plain()?.to_owned()))).collect()
        }
        Condition::Did(list) => numbers(list, Key::Did),
        Condition::Caller(list) => numbers(list, Key::Caller),
        Condition::Tsi(list) => {
            let mut keys = Vec::new();
            for one in list {
                let (start, whole) = one.start()?;
                keys.push(start_key(start, whole, Key::Station));
                if let Some(number) = one.number() {
                    keys.extend(number.keys()?.into_iter().map(Key::StationNumber));
                }
            }
            Some(keys)
        }
        Condition::Reference(list) => list
            .iter()
            .map(|one| one.start().map(|(start, whole)| start_key(start, whole, Key::Reference)))
            .collect(),
        Condition::Barcode(list) => list
            .iter()
            .map(|one| one.start().map(|(start, whole)| start_key(start, whole, Key::Barcode)))
            .collect(),
        // each mark must stand there, so one is enough: the longest
        Condition::Form(list) => {
            let longest = |form: &std::sync::Arc<super::Form>| {
                let mark = form.marks.iter().max_by_key(|mark| mark.as_str().len())?;
                Some(mark.phrase.pieces(mark.distance))
            };
            let each: Option<Vec<Vec<String>>> = list.iter().map(longest).collect();
            Some(each?.into_iter().flatten().map(Key::Words).collect())
        }
        Condition::Attention(list) | Condition::Text(list) => {
            let pieces = list.iter().flat_map(|words| words.phrase.pieces(words.distance));
            Some(pieces.map(Key::Words).collect())
        }
        Condition::TextRegex(list) => {
            Some(list.iter().flat_map(|one| expression_keys(one.regex.folded())).collect())
        }
        Condition::Time(_)
        | Condition::Weekday(_)
        | Condition::Holiday(_)
        | Condition::Pages(_)
        | Condition::Damaged(_)
        | Condition::Language(_)
        | Condition::Duplicate(_) => None,
    }
}

fn start_key(start: &str, whole: bool, key: fn(String, bool) -> Key) -> Key {
    match start.char_indices().nth(LONGEST_START) {
        Some((cut, _)) if !whole => key(start[..cut].to_owned(), false),
        _ => key(start.to_owned(), whole),
    }
}

/// A text as a whole, and each of its beginnings.
fn starts(text: &str) -> impl Iterator<Item = (String, bool)> {
    let beginnings = text.char_indices().take(LONGEST_START);
    let each = beginnings.map(|(at, c)| (text[..at + c.len_utf8()].to_owned(), false));
    std::iter::once((text.to_owned(), true)).chain(each)
}

fn number_keys(reading: Option<&Reading>) -> impl Iterator<Item = NumberKey> {
    reading.into_iter().flat_map(Reading::keys)
}

/// Texts of which one stands wherever the expression matches, else the expression itself.
fn expression_keys(expression: &str) -> Vec<Key> {
    let parsed = regex_syntax::ParserBuilder::new()
        .multi_line(true)
        .nest_limit(TextRegex::DEEPEST)
        .build()
        .parse(expression);
    let literals = parsed.ok().and_then(|hir| required(&hir));
    match literals {
        Some(literals) => literals.into_iter().map(Key::Literal).collect(),
        None => vec![Key::Expression(expression.to_owned())],
    }
}

/// Texts of which one stands in every match. Only of letters whose case folds within ASCII, or that have none.
fn required(hir: &Hir) -> Option<Vec<String>> {
    let caseless = |c: char| c.is_ascii() || ('\u{3400}'..='\u{9fff}').contains(&c);
    match hir.kind() {
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            let good = text.len() >= SHORTEST_LITERAL && text.chars().all(caseless) && !text.contains('\n');
            good.then(|| vec![text.to_ascii_lowercase()])
        }
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Concat(parts) => {
            let shortest = |texts: &Vec<String>| texts.iter().map(String::len).min();
            parts.iter().filter_map(required).max_by_key(shortest)
        }
        HirKind::Alternation(parts) => {
            let each: Option<Vec<Vec<String>>> = parts.iter().map(required).collect();
            Some(each?.into_iter().flatten().collect())
        }
        _ => None,
    }
}
