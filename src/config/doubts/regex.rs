//! Expressions that are something else than they look. None is slow: the engine is linear.

use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{
    AssertionKind, Ast, ClassPerlKind, ClassSet, ClassSetItem, RepetitionKind, RepetitionRange, Span as Place,
};
use toml_span::Span;

use super::placed;
use crate::config::codes;
use crate::config::rules::RuleEntry;
use crate::config::sheet::{Note, Sheet};
use crate::route::Condition;

/// Deepest nesting that is looked at.
const DEEPEST: usize = 50;

/// A doubt about an expression.
struct Trap {
    at: Place,
    what: String,
    help: String,
}

/// Looks at the expressions of one rule.
pub(super) fn look(sheet: Sheet<'_>, entry: &RuleEntry) {
    for (condition, _, places) in placed(entry) {
        match condition {
            Condition::TextRegex(list) => {
                list.iter().zip(places).for_each(|(one, at)| expression(sheet, *at, one.as_str(), true));
            }
            Condition::Reference(list) => {
                for (one, at) in list.iter().zip(places) {
                    let inner = one.as_str().strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
                    // it must match the whole reference, so its ends are fixed
                    inner.into_iter().for_each(|inner| expression(sheet, *at, inner, false));
                }
            }
            _ => {}
        }
    }
}

fn expression(sheet: Sheet<'_>, at: Span, text: &str, open_ends: bool) {
    for trap in traps(text, open_ends) {
        let place = written(sheet, at, text, &trap.at);
        sheet.note(place, Note::warning(codes::RULES_REGEX_TRAP, trap.what).help(trap.help));
    }
}

/// Where bytes of an expression stand in the file: within the entry, which may be a table or have slashes round it.
fn written(sheet: Sheet<'_>, at: Span, text: &str, place: &Place) -> Span {
    let entry = sheet.text().get(at.start..at.end).unwrap_or("");
    match entry.find(text) {
        Some(start) => {
            let from = at.start + start;
            Span::new(
                from + place.start.offset,
                from + place.end.offset.max(place.start.offset + 1).min(text.len()),
            )
        }
        None => at,
    }
}

fn traps(text: &str, open_ends: bool) -> Vec<Trap> {
    let Ok(ast) = Parser::new().parse(text) else { return vec![] };
    let mut found = Vec::new();
    walk(&ast, 0, &mut found);
    if open_ends {
        alternatives(&ast, &mut found);
        digits(&ast, &mut found);
    }
    found
}

fn walk(ast: &Ast, depth: usize, found: &mut Vec<Trap>) {
    if depth > DEEPEST {
        return;
    }
    match ast {
        Ast::Concat(concat) => {
            neighbours(&concat.asts, found);
            concat.asts.iter().for_each(|one| walk(one, depth + 1, found));
        }
        Ast::Alternation(all) => all.asts.iter().for_each(|one| walk(one, depth + 1, found)),
        Ast::Group(group) => walk(&group.ast, depth + 1, found),
        Ast::Repetition(repetition) => walk(&repetition.ast, depth + 1, found),
        _ => {}
    }
}

/// What stands side by side.
fn neighbours(list: &[Ast], found: &mut Vec<Trap>) {
    for (at, one) in list.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| list.get(at));
        let after = list.get(at + 1);
        match one {
            Ast::Dot(place) if before.is_some_and(is_digit) && after.is_some_and(is_digit) => {
                found.push(Trap {
                    at: **place,
                    what: "this dot fits any character, a digit too".to_owned(),
                    help: "a dot that means itself is written \\.".to_owned(),
                })
            }
            Ast::Assertion(assertion)
                if assertion.kind == AssertionKind::StartLine && before.is_some_and(is_visible) =>
            {
                found.push(Trap {
                    at: assertion.span,
                    what: "^ is the beginning of a line: behind something else it never matches".to_owned(),
                    help: "put it first, or write \\^ for the character".to_owned(),
                });
            }
            Ast::Assertion(assertion)
                if assertion.kind == AssertionKind::EndLine && after.is_some_and(is_visible) =>
            {
                found.push(Trap {
                    at: assertion.span,
                    what: "$ is the end of a line: before something else it never matches".to_owned(),
                    help: "put it last, or write \\$ for the character".to_owned(),
                });
            }
            Ast::Literal(literal)
                if literal.c == ' ' && matches!(before, Some(Ast::Literal(other)) if other.c == ' ') =>
            {
                found.push(Trap {
                    at: literal.span,
                    what: "two blanks never match: on pages, blanks are single".to_owned(),
                    help: "write one blank, or \\s+".to_owned(),
                });
            }
            _ => {}
        }
    }
}

/// `^a|b$`: the anchors belong to one branch each.
fn alternatives(ast: &Ast, found: &mut Vec<Trap>) {
    let Ast::Alternation(all) = ast else { return };
    let anchored = |ast: &Ast, last: bool| {
        let edge = match ast {
            Ast::Concat(concat) => {
                if last {
                    concat.asts.last()
                } else {
                    concat.asts.first()
                }
            }
            other => Some(other),
        };
        let kind = if last { AssertionKind::EndLine } else { AssertionKind::StartLine };
        matches!(edge, Some(Ast::Assertion(assertion)) if assertion.kind == kind)
    };
    for (sign, last) in [("^", false), ("$", true)] {
        let with = all.asts.iter().filter(|one| anchored(one, last)).count();
        // at the outer end alone: `^a|^b` and `a|^b` were meant so
        let outer = if last { all.asts.last() } else { all.asts.first() };
        if with == 1 && outer.is_some_and(|one| anchored(one, last)) {
            found.push(Trap {
                at: all.span,
                what: format!("{sign} belongs to one alternative only, not to all between |"),
                help: format!("write {}", if last { "(a|b)$" } else { "^(a|b)" }),
            });
        }
    }
}

/// `\d{8}` at an end fits within a longer number too.
fn digits(ast: &Ast, found: &mut Vec<Trap>) {
    let list = match ast {
        Ast::Concat(concat) => concat.asts.as_slice(),
        one => std::slice::from_ref(one),
    };
    for (edge, sign) in [(list.first(), "before"), (list.last(), "behind")] {
        let Some(Ast::Repetition(repetition)) = edge else { continue };
        let fixed = match &repetition.op.kind {
            RepetitionKind::Range(RepetitionRange::Exactly(count)) => *count > 1,
            // up to so many: behind them more may follow
            RepetitionKind::Range(RepetitionRange::Bounded(_, _)) => true,
            _ => false,
        };
        if fixed && is_digit_class(&repetition.ast) {
            found.push(Trap {
                at: repetition.span,
                what: format!("it also fits within a longer number, {sign} which more digits stand"),
                help: "put \\b at that end".to_owned(),
            });
        }
    }
}

fn is_digit(ast: &Ast) -> bool {
    match ast {
        Ast::Literal(literal) => literal.c.is_ascii_digit(),
        Ast::Repetition(repetition) => is_digit(&repetition.ast),
        other => is_digit_class(other),
    }
}

fn is_digit_class(ast: &Ast) -> bool {
    match ast {
        Ast::ClassPerl(class) => class.kind == ClassPerlKind::Digit && !class.negated,
        Ast::ClassBracketed(class) => matches!(
            &class.kind,
            ClassSet::Item(ClassSetItem::Range(range)) if !class.negated && range.start.c == '0' && range.end.c == '9'
        ),
        _ => false,
    }
}

/// It takes at least one character that is no line end.
fn is_visible(ast: &Ast) -> bool {
    match ast {
        Ast::Literal(literal) => literal.c != '\n',
        Ast::Dot(_) => true,
        Ast::ClassPerl(class) => class.kind != ClassPerlKind::Space && !class.negated,
        Ast::Repetition(repetition) => {
            let none = match &repetition.op.kind {
                RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore => true,
                RepetitionKind::OneOrMore => false,
                RepetitionKind::Range(
                    RepetitionRange::Exactly(least)
                    | RepetitionRange::AtLeast(least)
                    | RepetitionRange::Bounded(least, _),
                ) => *least == 0,
            };
            !none && is_visible(&repetition.ast)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traps_are_told_with_their_places() {
        for (expression, expected) in [
            (r"\b3010.1101\b", vec![r"\b3010.1101\b → ."]),
            (r"\b3010\.1101\b", vec![]),
            (r"LD.+\d", vec![]),
            (r"^to|attn$", vec!["^to|attn$ → ^to|attn$", "^to|attn$ → ^to|attn$"]),
            (r"^(to|attn)$", vec![]),
            (r"^to|^attn", vec![]),
            (r"ref^a", vec!["ref^a → ^"]),
            (r"a$b", vec!["a$b → $"]),
            (r"a\n^b", vec![]),
            (r"a\s*^b", vec![]),
            (r"\d{8}", vec![r"\d{8} → \d{8}", r"\d{8} → \d{8}"]),
            (r"LD/[0-9]{4}", vec![r"LD/[0-9]{4} → [0-9]{4}"]),
            (r"\b\d{8}\b", vec![]),
            (r"LD/\d+", vec![]),
            (r"our  ref", vec!["our  ref →  "]),
        ] {
            let found: Vec<String> = traps(expression, true)
                .iter()
                .map(|trap| {
                    format!("{expression} → {}", &expression[trap.at.start.offset..trap.at.end.offset])
                })
                .collect();
            assert_eq!(found, expected, "{expression}");
        }
        // a reference must match whole
        assert!(traps(r"LD/\d{4}", false).is_empty());
    }
}
