//! Telephone numbers compared as a site means them.
//!
//! Exchanges, modems and people spell one number in many ways: `+852 2810 1234`, `00852-2810-1234`,
//! `852 2810 1234`, `28101234` (ITU-T E.123 gives the forms, E.164 the structure). A [`NumberPlan`] holds what a
//! machine cannot guess: the site's country code and the length of its national numbers.

use super::pattern::PatternError;
use crate::fax::Number;

/// Where a number without a plus sign belongs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberPlan {
    /// The site's country code, digits alone (`852`). `None`: numbers are compared by their digits alone.
    pub country_code: Option<String>,
    /// Digits of a full national number (8 in Hong Kong). `None`: lengths vary.
    pub national_digits: Option<usize>,
    /// What is dialled before a country code (`001` in Hong Kong), besides `00`, which is always understood.
    pub international: Vec<String>,
    /// What is dialled before a national number (`0` in Britain; Hong Kong has none), never part of it behind a country code.
    pub trunk: Option<String>,
}

/// A country code without a plus sign is taken off only if so many digits remain: `8521 2345` is a local number.
const LEAST_AFTER_COUNTRY_CODE: usize = 7;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    /// In the site's own country.
    Local,
    /// In another country.
    Foreign,
    /// The site has no country code configured.
    Unknown,
}

/// A number as understood: for a local number its national digits, else all digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    digits: String,
    scope: Scope,
}

impl NumberPlan {
    /// Understands a number. `None` if it holds no digit (`anonymous`, an empty field).
    pub(super) fn read(&self, number: &Number) -> Option<Reading> {
        let (digits, marked) = self.dialled(&number.0);
        (!digits.is_empty()).then(|| self.padded(&number.0).unwrap_or_else(|| self.place(digits, marked)))
    }

    /// Understands a text that consists of a number and nothing else.
    pub(super) fn read_text(&self, text: &str) -> Option<Reading> {
        text.chars().all(is_number_char).then(|| self.read(&Number(text.to_owned()))).flatten()
    }

    /// The digits without what is dialled before a country code, and whether one must follow.
    fn dialled(&self, text: &str) -> (String, bool) {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if text.trim_start().starts_with('+') {
            return (digits, true);
        }
        let usual = std::iter::once("00");
        let prefixes = self.international.iter().map(String::as_str).chain(usual);
        let longest = prefixes.filter(|prefix| digits.starts_with(*prefix)).max_by_key(|prefix| prefix.len());
        match longest.and_then(|prefix| digits.strip_prefix(prefix)) {
            Some(rest) => (rest.to_owned(), true),
            None => (digits, false),
        }
    }

    /// A number that some modem filled up with zeros. Two of them are no filling but what precedes a country code.
    fn padded(&self, text: &str) -> Option<Reading> {
        let length = self.national_digits?;
        let code = self.country_code.as_deref()?;
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let rest = digits.trim_start_matches('0');
        let zeros = digits.len() - rest.len();
        if zeros == 0 || text.trim_start().starts_with('+') {
            return None;
        }
        let national = rest.strip_prefix(code).filter(|national| national.len() == length);
        let national = national.or_else(|| (zeros != 2 && rest.len() == length).then_some(rest))?;
        Some(Reading { digits: national.to_owned(), scope: Scope::Local })
    }

    /// `marked`: it was written with `+` or `00`, so the country code is in it.
    fn place(&self, digits: String, marked: bool) -> Reading {
        let Some(code) = self.country_code.as_deref() else {
            return Reading { digits, scope: Scope::Unknown };
        };
        let rest = digits.strip_prefix(code).map(|rest| self.national(rest).to_owned());
        let digits = if marked || rest.is_some() { digits } else { self.national(&digits).to_owned() };
        let local = |digits| Reading { digits, scope: Scope::Local };
        match (marked, self.national_digits, rest) {
            (true, _, Some(rest)) => local(rest),
            (true, _, None) => Reading { digits, scope: Scope::Foreign },
            (false, Some(length), Some(rest)) if rest.len() == length => local(rest),
            (false, Some(length), _) if digits.len() > length => Reading { digits, scope: Scope::Foreign },
            (false, None, Some(rest)) if rest.len() >= LEAST_AFTER_COUNTRY_CODE => local(rest),
            _ => local(digits),
        }
    }

    /// A national number without the trunk prefix: `(0)20 7946 0000`.
    fn national<'a>(&self, digits: &'a str) -> &'a str {
        let bare = self.trunk.as_deref().and_then(|trunk| digits.strip_prefix(trunk));
        match (bare, self.national_digits) {
            (Some(bare), Some(length)) if bare.len() == length => bare,
            (Some(bare), None) if bare.len() >= LEAST_AFTER_COUNTRY_CODE => bare,
            _ => digits,
        }
    }
}

/// What a rule says of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberPattern {
    shown: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// `*`: any number at all.
    Any,
    /// One number.
    Exact(Reading),
    /// `2810*`: any of these beginnings.
    Prefix(Vec<Reading>),
    /// `*1234`: this end.
    Suffix(String),
}

impl NumberPattern {
    /// Understands a number, a beginning `2810*` or an end `*1234`; `*` alone is any number. A beginning without
    /// plus sign is local: `44*` is not `+44*`.
    pub fn parse(text: &str, plan: &NumberPlan) -> Result<Self, PatternError> {
        let trimmed = text.trim();
        let body = trimmed.strip_prefix('*').or_else(|| trimmed.strip_suffix('*')).unwrap_or(trimmed);
        if let Some((at, bad)) = text.char_indices().find(|(_, c)| !is_number_char(*c) && *c != '*') {
            return Err(PatternError::at(at, bad, format!("{bad:?} is not part of a telephone number")));
        }
        if body.contains('*') {
            return Err(PatternError::whole(text, "one * only, at the beginning or at the end"));
        }
        let (digits, marked) = plan.dialled(body);
        let kind = if trimmed == "*" {
            Kind::Any
        } else if !body.contains(|c: char| c.is_ascii_digit())
            || digits.is_empty() && !trimmed.starts_with('*')
        {
            return Err(PatternError::whole(text, "there is no digit in it"));
        } else if trimmed.ends_with('*') && !marked && plan.trunk.as_deref() == Some(digits.as_str()) {
            // national numbers are read without it, so nothing would ever fit
            return Err(PatternError::whole(text, "this is the trunk prefix alone: name digits behind it"));
        } else if trimmed.starts_with('*') {
            // an end has no exchange prefix: its leading zeros are digits like others
            Kind::Suffix(body.chars().filter(char::is_ascii_digit).collect())
        } else if trimmed.ends_with('*') {
            Kind::Prefix(beginnings(plan, digits, marked))
        } else {
            Kind::Exact(plan.padded(body).unwrap_or_else(|| plan.place(digits, marked)))
        };
        Ok(Self { shown: trimmed.to_owned(), kind })
    }

    /// The pattern as the rule writes it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The number fits, read under `plan`.
    pub fn fits_number(&self, number: &Number, plan: &NumberPlan) -> bool {
        plan.read(number).is_some_and(|reading| self.fits(&reading))
    }

    pub(super) fn fits(&self, seen: &Reading) -> bool {
        match &self.kind {
            Kind::Any => true,
            Kind::Exact(wanted) => wanted.digits == seen.digits,
            Kind::Prefix(beginnings) => beginnings.iter().any(|beginning| beginning.begins(seen)),
            Kind::Suffix(end) => seen.digits.ends_with(end.as_str()),
        }
    }

    /// Every number that fits `other` fits this pattern too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Any, _) => true,
            (_, Kind::Exact(number)) => self.fits(number),
            (Kind::Prefix(mine), Kind::Prefix(theirs)) => {
                theirs.iter().all(|their| mine.iter().any(|my| my.begins(their)))
            }
            (Kind::Suffix(mine), Kind::Suffix(theirs)) => theirs.ends_with(mine.as_str()),
            _ => false,
        }
    }
}

/// By what an index finds the patterns that fit a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct NumberKey(Sort);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Sort {
    Exact(String),
    Prefix(Scope, String),
    Suffix(String),
}

/// Longer numbers are no numbers (E.164: fifteen digits); an index looks no further.
const LONGEST_KEY: usize = 24;

impl NumberPattern {
    /// The keys of which a fitting number has one. `None`: it fits every number, or is too long to be one.
    pub(super) fn keys(&self) -> Option<Vec<NumberKey>> {
        let keys: Vec<NumberKey> = match &self.kind {
            Kind::Any => return None,
            Kind::Exact(reading) => vec![NumberKey(Sort::Exact(reading.digits.clone()))],
            Kind::Prefix(beginnings) => {
                beginnings.iter().map(|one| NumberKey(Sort::Prefix(one.scope, one.digits.clone()))).collect()
            }
            Kind::Suffix(end) => vec![NumberKey(Sort::Suffix(end.clone()))],
        };
        // an empty beginning is every number of a country
        keys.iter().all(|NumberKey(sort)| sort.indexed()).then_some(keys)
    }
}

impl Sort {
    fn indexed(&self) -> bool {
        match self {
            Self::Exact(_) => true,
            Self::Prefix(_, digits) | Self::Suffix(digits) => (1..=LONGEST_KEY).contains(&digits.len()),
        }
    }
}

impl Reading {
    /// The keys of all patterns that may fit it.
    pub(super) fn keys(&self) -> impl Iterator<Item = NumberKey> {
        let digits = self.digits.as_str();
        let length = digits.len().min(LONGEST_KEY);
        let whole = std::iter::once(NumberKey(Sort::Exact(digits.to_owned())));
        let starts = (1..=length).filter_map(|to| digits.get(..to));
        let ends = (1..=length).filter_map(|from| digits.get(digits.len() - from..));
        whole
            .chain(starts.map(|start| NumberKey(Sort::Prefix(self.scope, start.to_owned()))))
            .chain(ends.map(|end| NumberKey(Sort::Suffix(end.to_owned()))))
    }

    fn begins(&self, longer: &Self) -> bool {
        self.scope == longer.scope && longer.digits.starts_with(self.digits.as_str())
    }
}

/// Keys of the index of what covers what: a pattern covers another only if one of its own keys is among the keys that
/// the other can be covered by.
impl NumberPattern {
    pub(super) fn cover_keys(&self) -> Vec<String> {
        match &self.kind {
            Kind::Any => vec!["*".to_owned()],
            Kind::Exact(number) => vec![format!("={}", number.digits)],
            Kind::Prefix(beginnings) => beginnings.iter().map(|one| format!("^{}", one.digits)).collect(),
            Kind::Suffix(end) => vec![format!("${end}")],
        }
    }

    pub(super) fn covered_keys(&self) -> Vec<String> {
        let prefixes = |digits: &str| -> Vec<String> {
            let ends = (0..=digits.len()).take(LONGEST_KEY);
            ends.filter_map(|at| digits.get(..at)).map(|start| format!("^{start}")).collect()
        };
        let suffixes = |digits: &str| -> Vec<String> {
            let starts = (0..=digits.len()).rev().take(LONGEST_KEY);
            starts.filter_map(|at| digits.get(at..)).map(|end| format!("${end}")).collect()
        };
        let mut keys = match &self.kind {
            Kind::Any => vec![],
            Kind::Exact(number) => {
                let same = vec![format!("={}", number.digits)];
                [same, prefixes(&number.digits), suffixes(&number.digits)].concat()
            }
            Kind::Prefix(beginnings) => beginnings.first().map_or(vec![], |one| prefixes(&one.digits)),
            Kind::Suffix(end) => suffixes(end),
        };
        keys.push("*".to_owned());
        keys
    }
}

/// A beginning is too short to tell a country code from local digits, so without a plus sign it may be both.
fn beginnings(plan: &NumberPlan, digits: String, marked: bool) -> Vec<Reading> {
    let Some(code) = plan.country_code.as_deref() else {
        return vec![Reading { digits, scope: Scope::Unknown }];
    };
    let local = match (marked, digits.strip_prefix(code)) {
        (true, Some(rest)) => vec![rest],
        (true, None) => return vec![Reading { digits, scope: Scope::Foreign }],
        (false, Some(rest)) if !rest.is_empty() => vec![digits.as_str(), rest],
        (false, _) => vec![digits.as_str()],
    };
    // numbers are read without the trunk prefix where they are whole; a beginning may be of one that is not
    let bare = local.iter().filter_map(|digits| digits.strip_prefix(plan.trunk.as_deref()?));
    let all = local.iter().copied().chain(bare.filter(|digits| !digits.is_empty()));
    all.map(|digits| Reading { digits: digits.to_owned(), scope: Scope::Local }).collect()
}

fn is_number_char(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, ' ' | '+' | '-' | '(' | ')' | '.' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hong_kong() -> NumberPlan {
        NumberPlan { country_code: Some("852".into()), national_digits: Some(8), ..NumberPlan::default() }
    }

    fn fits(plan: &NumberPlan, pattern: &str, number: &str) -> bool {
        let seen = plan.read(&Number(number.into())).expect("test numbers hold digits");
        NumberPattern::parse(pattern, plan).expect("test patterns are good").fits(&seen)
    }

    #[test]
    fn spellings_of_one_number_meet() {
        let spellings = ["+852 2810 1234", "28101234", "852 2810 1234", "00852-2810-1234", "(852) 2810.1234"];
        for plan in [hong_kong(), NumberPlan { national_digits: None, ..hong_kong() }] {
            for pattern in spellings {
                for number in spellings {
                    assert!(fits(&plan, pattern, number), "{pattern} {number}");
                }
                assert!(!fits(&plan, pattern, "2810 1235"), "{pattern}");
            }
        }
    }

    #[test]
    fn beginnings_and_ends() {
        for (pattern, number, expected) in [
            ("2810*", "+852 2810 1234", true),
            ("+852 2810*", "28101234", true),
            ("852 2810 *", "28101234", true),
            ("2810*", "2811 0000", false),
            ("*1234", "+852 2810 1234", true),
            ("*1234", "2810 1243", false),
            ("*0012", "2810 0012", true),
            ("*0012", "2810 3312", false),
            ("+852*", "2810 1234", true),
            ("+852*", "+86 10 1234 5678", false),
            // a Dutch caller is not in the local block 3142
            ("3142*", "+31 42 123 4567", false),
            ("+44*", "4412 3456", false),
            ("+44*", "+44 20 7946 0000", true),
            ("+44*", "0044 20 7946 0000", true),
            ("+44*", "44 20 7946 0000", true),
            ("8521*", "8521 2345", true),
            ("*", "1", true),
        ] {
            assert_eq!(fits(&hong_kong(), pattern, number), expected, "{pattern} {number}");
        }
    }

    #[test]
    fn without_a_country_code_digits_alone_count() {
        let plan = NumberPlan::default();
        assert!(fits(&plan, "2810 1234", "28101234"));
        assert!(!fits(&plan, "2810 1234", "+852 28101234"));
        assert!(fits(&plan, "852*", "+852 28101234"));
    }

    #[test]
    fn dial_plans() {
        let hong_kong = NumberPlan { international: vec!["001".into()], ..hong_kong() };
        let britain = NumberPlan {
            country_code: Some("44".into()),
            trunk: Some("0".into()),
            national_digits: Some(10),
            ..NumberPlan::default()
        };
        for (plan, pattern, number, expected) in [
            (&hong_kong, "+44 20 7946 0000", "001 44 20 7946 0000", true),
            (&hong_kong, "+44 20 7946 0000", "0044 20 7946 0000", true),
            (&hong_kong, "2810 1234", "001 852 2810 1234", true),
            // filled up by a modem
            (&hong_kong, "2810 1234", "00028101234", true),
            (&hong_kong, "2810 1234", "028101234", true),
            (&hong_kong, "2810 1234", "000000085228101234", true),
            (&hong_kong, "0002810 1234", "+852-2810 1234", true),
            (&britain, "020 7946 0000", "+44 20 7946 0000", true),
            (&britain, "020 7946 0000", "+44 (0)20 7946 0000", true),
            (&britain, "+44 20 7946 0000", "02079460000", true),
            (&britain, "+852 2810 1234", "00852 28101234", true),
            (&britain, "020 7946 0000", "020 7946 0001", false),
            (&britain, "020 7946*", "020 7946 0000", true),
            (&britain, "020 7946*", "+44 20 7946 0000", true),
            (&britain, "+44 (0)20 7946*", "020 7946 0000", true),
            (&britain, "44 020 7946*", "020 7946 0000", true),
            (&britain, "20 7946*", "020 7946 0000", true),
            (&britain, "020 7946*", "020 7947 0000", false),
            (&britain, "020 7946*", "+852 2079 4600", false),
        ] {
            assert_eq!(fits(plan, pattern, number), expected, "{pattern} {number}");
        }
        assert!(NumberPattern::parse("0*", &britain).is_err(), "no number is read with it");
        assert!(NumberPattern::parse("0*", &hong_kong).is_ok());
        let parse = |text| NumberPattern::parse(text, &britain).expect("good");
        assert!(parse("020*").covers(&parse("020 7946*")));
        assert!(
            parse("020*").covers(&parse("+44 20 7946 0000")) && !parse("020 7946*").covers(&parse("020*"))
        );
    }

    #[test]
    fn bad_patterns_say_where() {
        let plan = hong_kong();
        assert_eq!(NumberPattern::parse("2810x", &plan).map_err(|error| error.at), Err(4..5));
        for bad in ["", "+", "28*10", "*28*", "二八"] {
            assert!(NumberPattern::parse(bad, &plan).is_err(), "{bad}");
        }
    }

    #[test]
    fn coverage_is_never_claimed_wrongly() {
        let plan = hong_kong();
        let covers = |a: &str, b: &str| {
            NumberPattern::parse(a, &plan).unwrap().covers(&NumberPattern::parse(b, &plan).unwrap())
        };
        assert!(covers("2810*", "+852 2810 1234"));
        assert!(covers("28*", "2810*"));
        assert!(covers("*34", "*1234"));
        assert!(covers("*", "2810*"));
        assert!(!covers("2810*", "28*"));
        assert!(!covers("2810 1234", "2810*"));
        assert!(!covers("+44*", "44*"));
    }
}
