//! A pattern of the old server → entries of one condition of `rules.toml`.
//!
//! The two differ: a shell compares a number's text, rules compare the number; a shell knows `[0-5]` everywhere, rules on
//! numbers know `*` at one end. What can be written out is written out; what cannot is refused with the reason.

use std::fmt;

use crate::route::{
    CodePattern, Condition, DevicePattern, NumberPattern, NumberPlan, PageRange, StationPattern,
};

/// Most entries that one pattern is written out to.
const MOST_ENTRIES: usize = 100;

/// A fact that the old server and rules both know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The number that was dialled.
    Did,
    /// The calling number.
    Caller,
    /// What the sending machine calls itself.
    Tsi,
    /// T.33 subaddress.
    Subaddress,
    /// Modem or line.
    Device,
    /// Number of pages.
    Pages,
    /// A barcode on a page.
    Barcode,
}

impl Field {
    /// The key that stands for it in `rules.toml`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Did => "did",
            Self::Caller => "caller",
            Self::Tsi => "tsi",
            Self::Subaddress => "subaddress",
            Self::Device => "device",
            Self::Pages => "pages",
            Self::Barcode => "barcode",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// A piece of a shell pattern (POSIX.1-2017, "Pattern Matching Notation").
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// This character.
    Char(char),
    /// `*`
    Any,
    /// `?`
    One,
    /// `[…]`: ranges, and whether it is all others.
    Set(Vec<(char, char)>, bool),
}

/// A pattern out of characters, each with whether it is quoted.
pub(super) fn pieces(chars: &[(char, bool)]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some((c, quoted)) = chars.get(at).copied() {
        at += 1;
        pieces.push(match c {
            '*' if !quoted => Piece::Any,
            '?' if !quoted => Piece::One,
            '[' if !quoted => match set(chars.get(at..).unwrap_or(&[])) {
                Some((set, length)) => {
                    at += length;
                    set
                }
                None => Piece::Char('['),
            },
            c => Piece::Char(c),
        });
    }
    pieces
}

/// After `[`; `None` where it is never closed, and so means itself.
fn set(chars: &[(char, bool)]) -> Option<(Piece, usize)> {
    let negated = matches!(chars.first(), Some(('!' | '^', false)));
    let first = usize::from(negated);
    let end = chars.iter().skip(first + 1).position(|c| *c == (']', false))? + first + 1;
    let inner: Vec<char> = chars.get(first..end)?.iter().map(|(c, _)| *c).collect();
    if inner.first() == Some(&'[') && matches!(inner.get(1), Some(':' | '.' | '=')) {
        return class(&inner).map(|ranges| (Piece::Set(ranges, negated), chars_of_class(chars, end)));
    }
    let (mut ranges, mut at) = (Vec::new(), 0);
    while let Some(low) = inner.get(at).copied() {
        match (inner.get(at + 1), inner.get(at + 2)) {
            (Some('-'), Some(high)) => {
                ranges.push((low, *high));
                at += 3;
            }
            _ => {
                ranges.push((low, low));
                at += 1;
            }
        }
    }
    Some((Piece::Set(ranges, negated), end + 1))
}

/// `[:digit:]`, with the first `]` already taken off.
fn class(inner: &[char]) -> Option<Vec<(char, char)>> {
    let name: String = inner.iter().collect();
    match name.as_str() {
        "[:digit:" => Some(vec![('0', '9')]),
        _ => None,
    }
}

/// `[[:digit:]]` ends with two brackets.
fn chars_of_class(chars: &[(char, bool)], end: usize) -> usize {
    end + 1 + usize::from(chars.get(end + 1) == Some(&(']', false)))
}

/// Entries that together take what the pattern takes; `None`: every fax.
pub(super) fn entries(
    field: Field,
    pattern: &[Piece],
    plan: &NumberPlan,
) -> Result<Option<Vec<String>>, String> {
    if !pattern.is_empty() && pattern.iter().all(|piece| *piece == Piece::Any) {
        return Ok(None);
    }
    if pattern.is_empty() {
        return Err(format!("no condition asks for a missing {field}"));
    }
    if literal(pattern).is_some_and(|text| matches!(text.as_str(), "<UNSPECIFIED>" | "<unknown>" | "<NONE>"))
    {
        return Err(format!("no condition asks for a missing {field}"));
    }
    let found = match field {
        Field::Device => vec![glob(pattern)],
        Field::Tsi | Field::Barcode => {
            let all = written_out(pattern, false)?;
            all.iter().map(|one| wildcards(one, field)).collect::<Result<_, _>>()?
        }
        Field::Did | Field::Caller => {
            let all = written_out(pattern, true)?;
            all.iter().map(|one| number(one, field)).collect::<Result<_, _>>()?
        }
        Field::Subaddress | Field::Pages => {
            let all = written_out(pattern, false)?;
            all.iter()
                .map(|one| literal(one).ok_or_else(|| format!("`{field}` knows no * and ?")))
                .collect::<Result<_, _>>()?
        }
    };
    condition(field, &found, plan)?;
    Ok(Some(found))
}

fn literal(pattern: &[Piece]) -> Option<String> {
    pattern.iter().map(|piece| if let Piece::Char(c) = piece { Some(*c) } else { None }).collect()
}

/// Sets, and `?` in numbers, as so many patterns.
fn written_out(pattern: &[Piece], digits: bool) -> Result<Vec<Vec<Piece>>, String> {
    let mut all: Vec<Vec<Piece>> = vec![vec![]];
    for piece in pattern {
        let choices: Vec<char> = match piece {
            Piece::One if digits => ('0'..='9').collect(),
            Piece::Set(_, true) => {
                return Err("a set of all other characters ([!…]) cannot be written out".into());
            }
            Piece::Set(ranges, false) => {
                let chars: Vec<char> =
                    ranges.iter().flat_map(|(low, high)| (*low..=*high).take(MOST_ENTRIES + 1)).collect();
                if chars.is_empty() {
                    return Err("this set of characters is empty".into());
                }
                chars
            }
            other => {
                all.iter_mut().for_each(|one| one.push(other.clone()));
                continue;
            }
        };
        if all.len() * choices.len() > MOST_ENTRIES {
            return Err(format!("written out, it would be more than {MOST_ENTRIES} entries"));
        }
        all = all
            .iter()
            .flat_map(|one| choices.iter().map(move |c| [one.as_slice(), &[Piece::Char(*c)]].concat()))
            .collect();
    }
    Ok(all)
}

fn wildcards(pattern: &[Piece], field: Field) -> Result<String, String> {
    pattern
        .iter()
        .map(|piece| match piece {
            Piece::Char('*' | '?') => {
                Err(format!("a * or ? that means itself cannot be written in `{field}`"))
            }
            Piece::Char(c) => Ok(*c),
            Piece::One => Ok('?'),
            Piece::Any | Piece::Set(..) => Ok('*'),
        })
        .collect()
}

fn number(pattern: &[Piece], field: Field) -> Result<String, String> {
    let stars = pattern.iter().filter(|piece| **piece == Piece::Any).count();
    let ends = [pattern.first(), pattern.last()].iter().filter(|piece| **piece == Some(&Piece::Any)).count();
    if stars > 1 || stars == 1 && ends == 0 {
        return Err(format!("`{field}` compares numbers and knows one *, at the beginning or at the end"));
    }
    let text = pattern.iter().map(|piece| match piece {
        Piece::Char('*' | '?') => Err(format!("a * or ? that means itself cannot be written in `{field}`")),
        Piece::Char(c) => Ok(*c),
        _ => Ok('*'),
    });
    text.collect()
}

fn glob(pattern: &[Piece]) -> String {
    let mut text = String::new();
    for piece in pattern {
        match piece {
            Piece::Char(c @ ('*' | '?' | '[')) => text.extend(['[', *c, ']']),
            Piece::Char(c) => text.push(*c),
            Piece::Any if text.ends_with('*') => {}
            Piece::Any => text.push('*'),
            Piece::One => text.push('?'),
            Piece::Set(ranges, negated) => {
                text.push_str(if *negated { "[!" } else { "[" });
                for (low, high) in ranges {
                    text.push(*low);
                    if low != high {
                        text.extend(['-', *high]);
                    }
                }
                text.push(']');
            }
        }
    }
    text
}

/// What `rules.toml` would make of these entries.
pub(super) fn condition(field: Field, entries: &[String], plan: &NumberPlan) -> Result<Condition, String> {
    fn all<T, E: fmt::Display>(
        entries: &[String],
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, String> {
        entries.iter().map(|entry| parse(entry).map_err(|error| error.to_string())).collect()
    }
    Ok(match field {
        Field::Did => Condition::Did(all(entries, |text| NumberPattern::parse(text, plan))?),
        Field::Caller => Condition::Caller(all(entries, |text| NumberPattern::parse(text, plan))?),
        Field::Tsi => Condition::Tsi(all(entries, |text| StationPattern::parse(text, plan))?),
        Field::Subaddress => {
            let trimmed = |text: &str| match text.trim() {
                "" => Err("an empty subaddress fits no fax".to_owned()),
                some => Ok(some.to_owned()),
            };
            Condition::Subaddress(all(entries, trimmed)?)
        }
        Field::Device => Condition::Device(all(entries, DevicePattern::parse)?),
        Field::Pages => Condition::Pages(all(entries, PageRange::parse)?),
        Field::Barcode => Condition::Barcode(all(entries, CodePattern::parse)?),
    })
}

/// Entries that take what both lists take; `None` where nothing can be in both.
pub(super) fn both(
    field: Field,
    mine: &[String],
    theirs: &[String],
    plan: &NumberPlan,
) -> Result<Option<Vec<String>>, String> {
    let mut kept: Vec<String> = Vec::new();
    for my in mine {
        for their in theirs {
            let one_of = |entry: &String| condition(field, std::slice::from_ref(entry), plan);
            let (a, b) = (one_of(my)?, one_of(their)?);
            let one = if a.covers(&b) {
                their
            } else if b.covers(&a) {
                my
            } else if apart(field, my, their) {
                continue;
            } else {
                return Err(format!("`{field}` would have to fit \"{my}\" and \"{their}\" at once"));
            };
            if !kept.contains(one) {
                kept.push(one.clone());
            }
        }
    }
    Ok((!kept.is_empty()).then_some(kept))
}

/// Surely no fax fits both: neither has wildcards, and neither covers the other.
fn apart(field: Field, a: &str, b: &str) -> bool {
    let plain = |text: &str| !text.contains(['*', '?', '[']);
    match field {
        Field::Pages => !a.contains(['<', '>', '-']) && !b.contains(['<', '>', '-']),
        // a fax may bear both codes
        Field::Barcode => false,
        _ => plain(a) && plain(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str) -> Vec<Piece> {
        pieces(&text.chars().map(|c| (c, false)).collect::<Vec<_>>())
    }

    #[test]
    fn patterns_are_written_as_rules_write_them() {
        for (field, pattern, expected) in [
            (Field::Tsi, "*1*510*526*1212*", Some(vec!["*1*510*526*1212*"])),
            (Field::Tsi, "ACME[12]", Some(vec!["ACME1", "ACME2"])),
            (Field::Caller, "435*", Some(vec!["435*"])),
            (Field::Caller, "*1212", Some(vec!["*1212"])),
            (Field::Did, "301011[0-2]1", Some(vec!["30101101", "30101111", "30101121"])),
            (
                Field::Did,
                "3010110[[:digit:]]*",
                Some(
                    (0..10)
                        .map(|d| {
                            [
                                "30101100*",
                                "30101101*",
                                "30101102*",
                                "30101103*",
                                "30101104*",
                                "30101105*",
                                "30101106*",
                                "30101107*",
                                "30101108*",
                                "30101109*",
                            ][d]
                        })
                        .collect(),
                ),
            ),
            (Field::Did, "*", None),
            (Field::Device, "ttyS[!01]?", Some(vec!["ttyS[!01]?"])),
            (Field::Device, "tty**", Some(vec!["tty*"])),
            (Field::Subaddress, "5[34]", Some(vec!["53", "54"])),
            (Field::Device, "a[b", Some(vec!["a[[]b"])),
        ] {
            let found = entries(field, &shell(pattern), &NumberPlan::default()).unwrap();
            assert_eq!(found, expected.map(|all| all.into_iter().map(str::to_owned).collect()), "{pattern}");
        }
        let quoted = pieces(&[('t', false), ('*', true)]);
        assert_eq!(entries(Field::Device, &quoted, &NumberPlan::default()), Ok(Some(vec!["t[*]".into()])));
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        for (field, pattern) in [
            (Field::Caller, "*555*"),
            (Field::Caller, "5*5"),
            (Field::Caller, "???"),
            (Field::Did, "[!5]*"),
            (Field::Did, "sales"),
            (Field::Subaddress, "5*"),
            (Field::Tsi, "<UNSPECIFIED>"),
            (Field::Tsi, ""),
        ] {
            assert!(entries(field, &shell(pattern), &NumberPlan::default()).is_err(), "{field} {pattern}");
        }
        // Quoted, a star is a star, and no number has one.
        for pattern in [pieces(&[('*', true)]), pieces(&[('5', false), ('*', true)])] {
            for field in [Field::Caller, Field::Did] {
                let refused = entries(field, &pattern, &NumberPlan::default()).unwrap_err();
                assert!(refused.contains("means itself"), "{refused}");
            }
        }
    }

    #[test]
    fn two_demands_on_one_fact_become_one_where_that_is_sure() {
        let list = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let both = |a: &[&str], b: &[&str]| both(Field::Caller, &list(a), &list(b), &NumberPlan::default());
        assert_eq!(
            both(&["435*"], &["4351", "5"]),
            Err("`caller` would have to fit \"435*\" and \"5\" at once".into())
        );
        assert_eq!(both(&["435*"], &["4351"]), Ok(Some(list(&["4351"]))));
        assert_eq!(both(&["1", "2"], &["2", "3"]), Ok(Some(list(&["2"]))));
        assert_eq!(both(&["1"], &["2"]), Ok(None));
    }
}
