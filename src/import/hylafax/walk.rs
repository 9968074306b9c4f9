//! [`Walker`]: what a script does to all faxes at once.

use super::guard::{Guard, joined};
use super::state::{Place, State, Value, collapse, is_recipient, varying};
use super::test::{Test, Values, pattern_guard};
use crate::import::draft::{Draft, Loss};
use crate::import::entry::{Field, Piece, pieces};
use crate::import::shell::{Arm, Command, Joint, Node, Part, Word};
use crate::import::{Choices, MOST_RULES};
use crate::route::NumberPlan;

/// Variables that change the mail and not who gets it.
const DETAILS: &[&str] = &[
    "FILETYPE",
    "TEMPLATE",
    "LANG",
    "LC_ALL",
    "FROMADDR",
    "TOADDR",
    "NOTIFY_FAXMASTER",
    "ENCODING",
    "RECV_DATA_CONVERSION",
    "TIFF2PDF",
    "TIFF2PS",
    "PATH",
];

/// Commands without effect on faxes.
const HARMLESS: &[&str] =
    &[":", "true", "false", "echo", "printf", "logger", "sleep", "umask", "set", "[", "test", "[["];

/// Walks through one file.
pub(super) struct Walker<'a, 'c> {
    pub(super) draft: &'a mut Draft<'c>,
    pub(super) file: usize,
    pub(super) name: &'a str,
    pub(super) choices: &'c Choices,
}

/// What words hold in one state.
struct Scope<'a> {
    state: &'a State,
    choices: &'a Choices,
}

impl Values for Scope<'_> {
    fn numbers(&self) -> &NumberPlan {
        &self.choices.numbers
    }

    fn expand(&self, word: &Word) -> Value {
        if let [Part::Variable(name)] = word.parts.as_slice() {
            return self.variable(name);
        }
        let mut text = String::new();
        for part in &word.parts {
            match part {
                Part::Char(c, _) => text.push(*c),
                Part::Opaque(shown) => {
                    return Value::Unknown(format!("only a running shell knows what {shown} is"));
                }
                Part::Variable(name) => match self.variable(name) {
                    Value::Text(value) => text.push_str(&value),
                    Value::Fact(_) => return Value::Unknown(format!("${name} is only a part of it")),
                    unknown => return unknown,
                },
            }
        }
        Value::Text(text)
    }
}

impl Scope<'_> {
    fn variable(&self, name: &str) -> Value {
        if let Some(value) = self.state.assigned(name) {
            return value.clone();
        }
        let call_id = |number: usize| match number.checked_sub(1).and_then(|at| self.choices.call_ids.get(at))
        {
            Some(Some(field)) => Value::Fact(*field),
            Some(None) => Value::Unknown(format!("rules have no condition on what ${name} holds")),
            None => Value::Unknown(format!("nothing says what ${name} holds: name it with --call-ids")),
        };
        match name {
            "SENDER" => Value::Fact(Field::Tsi),
            "SUBADDR" => Value::Fact(Field::Subaddress),
            "DEVICE" | "MODEM" => Value::Fact(Field::Device),
            "PAGES" => Value::Fact(Field::Pages),
            "CIDNUMBER" => call_id(1),
            "CIDNAME" => call_id(2),
            // Debian's faxrcvd
            "DESTINATION" => call_id(3),
            _ if is_recipient(name) => Value::Text(String::new()),
            _ => match name.strip_prefix("CALLID").and_then(|number| number.parse().ok()) {
                Some(number) => call_id(number),
                None => Value::Unknown(format!("rules know nothing of ${name}")),
            },
        }
    }
}

impl Walker<'_, '_> {
    fn left(&mut self, line: u32, loss: Loss, why: impl Into<String>) {
        self.draft.left(self.name, line, loss, why);
    }

    /// Every command in turn.
    pub(super) fn run(&mut self, commands: &[Command], mut states: Vec<State>) -> Vec<State> {
        for command in commands {
            states = self.step(command, states);
            collapse(&mut states);
        }
        states
    }

    fn step(&mut self, command: &Command, states: Vec<State>) -> Vec<State> {
        let line = command.line;
        match &command.node {
            Node::Assign { name, value, append } => self.assign(line, name, value, *append, states),
            Node::Case { word, arms } => self.case(line, word, arms, states),
            Node::If { test, then, otherwise } => self.conditional(line, test, then, otherwise, states),
            Node::Joined { joint, left, right } => self.joined(line, *joint, left, right, states),
            Node::Group(commands) => self.run(commands, states),
            Node::Not(_) => {
                self.left(line, Loss::Routing, "a command with ! before it");
                states
            }
            Node::Foreign(what) => {
                self.left(line, Loss::Routing, format!("{what} is not followed"));
                states
            }
            Node::Simple(words) => {
                self.simple(line, words);
                states
            }
        }
    }

    fn simple(&mut self, line: u32, words: &[Word]) {
        let name = words.first().and_then(Word::plain).unwrap_or_default();
        let shown: Vec<String> = words.iter().map(Word::shown).collect();
        let shown: String = shown.join(" ").chars().take(120).collect();
        match name.as_str() {
            name if HARMLESS.contains(&name) => {}
            "exit" | "return" => {
                let why = format!(
                    "`{shown}` ends faxrcvd without any mail; here every fax goes to somebody (or is set aside: `junk = true`)"
                );
                self.left(line, Loss::Routing, why);
            }
            "." | "source" => {
                self.left(
                    line,
                    Loss::Routing,
                    format!("`{shown}`: give that file to the import too, after this one"),
                );
            }
            _ => self.left(line, Loss::Routing, format!("the command `{shown}` is not run")),
        }
    }

    fn assign(
        &mut self,
        line: u32,
        name: &str,
        value: &Word,
        append: bool,
        mut states: Vec<State>,
    ) -> Vec<State> {
        if DETAILS.contains(&name) {
            self.detail(line, name, &value.shown());
            return states;
        }
        let at = Place { file: self.file, line };
        for state in &mut states {
            let scope = Scope { state, choices: self.choices };
            let mut new = scope.expand(value);
            if append {
                new = match (scope.variable(name), new) {
                    (Value::Text(old), Value::Text(new)) => Value::Text(old + &new),
                    (Value::Unknown(why), _) | (_, Value::Unknown(why)) => Value::Unknown(why),
                    _ => Value::Unknown(format!("${name} is put together from facts")),
                };
            }
            state.assign(name, new, at);
        }
        states
    }

    fn detail(&mut self, line: u32, name: &str, value: &str) {
        let why = match name {
            "FILETYPE" if value == "pdf" => return,
            "LC_ALL" | "PATH" | "TIFF2PDF" | "TIFF2PS" => return,
            "FILETYPE" if value == "none" => {
                "mails carry the PDF here; `link = true` sends a link in its place".to_owned()
            }
            "FILETYPE" => format!("mails carry a PDF, not {value}"),
            "TEMPLATE" | "LANG" => format!("{name}={value}: give the department its `language`"),
            "FROMADDR" => format!("FROMADDR={value}: the sender is `from` in [mail] of faxgate.toml"),
            "NOTIFY_FAXMASTER" => "the fallback inbox hears of trouble, not of each fax".to_owned(),
            _ => format!("{name}={value} has no counterpart"),
        };
        self.left(line, Loss::Detail, why);
    }

    fn case(&mut self, line: u32, word: &Word, arms: &[Arm], states: Vec<State>) -> Vec<State> {
        let mut subjects = states.iter().map(|state| Scope { state, choices: self.choices }.expand(word));
        let Some(subject) = subjects.next() else { return states };
        let same = subjects.all(|other| other == subject);
        drop(subjects);
        if !same {
            self.left(
                line,
                Loss::Routing,
                format!("{} holds different things by now; the `case` is left out", word.shown()),
            );
            return states;
        }
        if let Value::Unknown(why) = &subject {
            self.left(line, Loss::Routing, format!("`case {}` is left out: {why}", word.shown()));
            return states;
        }
        let varying = varying(&states);
        let mut split = Vec::new();
        for arm in arms {
            if arm.falls_through {
                self.left(arm.line, Loss::Routing, "what `;&` and `;;&` lead to is not followed");
            }
            let guard = self.arm_guard(arm, &subject, &states);
            if guard == Guard::Never {
                continue;
            }
            // an arm that sets all in which the states differ makes them one
            let before = match states.last() {
                Some(last) if last.when.is_empty() && sets_all(&arm.body, &varying) => vec![last.clone()],
                _ => states.clone(),
            };
            let after = self.run(&arm.body, before);
            match guard {
                Guard::Any(demands) => {
                    for one in &demands {
                        self.narrowed(arm.line, one, &after, &mut split);
                    }
                }
                _ => {
                    split.extend(after);
                    return self.within_limit(line, split, states);
                }
            }
        }
        let rest = states.clone();
        split.extend(rest);
        self.within_limit(line, split, states)
    }

    /// Alternatives that cannot be translated are listed; the others count.
    fn arm_guard(&mut self, arm: &Arm, subject: &Value, states: &[State]) -> Guard {
        let mut guard = Guard::Never;
        for word in &arm.patterns {
            let one = match pattern(word, states.first(), self.choices) {
                Err(why) => Err(why),
                Ok(pattern) => match subject {
                    Value::Text(text) => Ok(Guard::of(fits(&pattern, text))),
                    Value::Fact(field) => pattern_guard(*field, &pattern, &self.choices.numbers),
                    Value::Unknown(why) => Err(why.clone()),
                },
            };
            match one.and_then(|one| guard.clone().or(one, &self.choices.numbers)) {
                Ok(more) => guard = more,
                Err(why) => self.left(
                    arm.line,
                    Loss::Routing,
                    format!("the pattern {} is left out: {why}", word.shown()),
                ),
            }
        }
        merged(guard)
    }

    fn conditional(
        &mut self,
        line: u32,
        test: &[Command],
        then: &[Command],
        otherwise: &[Command],
        states: Vec<State>,
    ) -> Vec<State> {
        let [test] = test else {
            self.left(line, Loss::Routing, "an `if` on several commands is left out");
            return states;
        };
        let choices = self.choices;
        let guards: Result<Vec<Guard>, String> =
            states.iter().map(|state| guard(test, &Scope { state, choices })).collect();
        match guards {
            Ok(guards) => self.branched(line, &guards, then, otherwise, states),
            Err(why) => {
                self.left(line, Loss::Routing, format!("the `if` is left out: {why}"));
                states
            }
        }
    }

    fn branched(
        &mut self,
        line: u32,
        guards: &[Guard],
        then: &[Command],
        otherwise: &[Command],
        states: Vec<State>,
    ) -> Vec<State> {
        let Some(first) = guards.first() else { return states };
        if guards.iter().all(Guard::is_fixed) {
            // what the script itself has set decides, state by state
            let each = states.into_iter().zip(guards);
            return each
                .flat_map(|(state, guard)| {
                    self.run(if *guard == Guard::Always { then } else { otherwise }, vec![state])
                })
                .collect();
        }
        if guards.iter().any(|guard| guard != first) {
            self.left(line, Loss::Routing, "the `if` depends on what was set before; it is left out");
            return states;
        }
        let (demands, inside, outside) = match first {
            Guard::Any(demands) => (demands, then, otherwise),
            Guard::None(demands) => (demands, otherwise, then),
            _ => return states,
        };
        let after = self.run(inside, states.clone());
        let mut split = Vec::new();
        for one in demands {
            self.narrowed(line, one, &after, &mut split);
        }
        split.extend(self.run(outside, states.clone()));
        self.within_limit(line, split, states)
    }

    fn joined(
        &mut self,
        line: u32,
        joint: Joint,
        left: &Command,
        right: &Command,
        states: Vec<State>,
    ) -> Vec<State> {
        // test && then || otherwise, where `then` cannot fail
        if let (Joint::Or, Node::Joined { joint: Joint::And, left: test, right: then }) = (joint, &left.node)
            && succeeds(then)
        {
            let (then, otherwise) = (std::slice::from_ref(&**then), std::slice::from_ref(right));
            return self.conditional(line, std::slice::from_ref(&**test), then, otherwise, states);
        }
        if succeeds(left) {
            let states = self.step(left, states);
            return if joint == Joint::And { self.step(right, states) } else { states };
        }
        let (test, right) = (std::slice::from_ref(left), std::slice::from_ref(right));
        match joint {
            Joint::And => self.conditional(line, test, right, &[], states),
            Joint::Or => self.conditional(line, test, &[], right, states),
        }
    }

    /// The states of a branch, for the faxes that come to it.
    fn narrowed(
        &mut self,
        line: u32,
        demands: &crate::import::draft::Demands,
        states: &[State],
        into: &mut Vec<State>,
    ) {
        for state in states {
            match joined(demands, &state.when, &self.choices.numbers) {
                Ok(Some(when)) => into.push(State { when, ..state.clone() }),
                Ok(None) => {}
                Err(why) => {
                    self.left(line, Loss::Routing, format!("some faxes of this branch are left out: {why}"))
                }
            }
            if into.len() > MOST_RULES {
                return;
            }
        }
    }

    fn within_limit(&mut self, line: u32, split: Vec<State>, before: Vec<State>) -> Vec<State> {
        if split.len() <= MOST_RULES {
            return split;
        }
        self.left(
            line,
            Loss::Routing,
            format!("more than {MOST_RULES} rules would come of this; it is left out"),
        );
        before
    }
}

/// When a command succeeds.
fn guard(command: &Command, scope: &Scope<'_>) -> Result<Guard, String> {
    match &command.node {
        Node::Not(inner) => Ok(guard(inner, scope)?.not()),
        Node::Joined { joint, left, right } => {
            let (left, right) = (guard(left, scope)?, guard(right, scope)?);
            let plan = scope.numbers();
            if *joint == Joint::And { left.and(right, plan) } else { left.or(right, plan) }
        }
        Node::Group(commands) => match commands.as_slice() {
            [one] => guard(one, scope),
            _ => Err("it depends on several commands".into()),
        },
        Node::Simple(words) => {
            let name = words.first().and_then(Word::plain).unwrap_or_default();
            let last = words.last().and_then(Word::bare).unwrap_or_default();
            let inner = |to: usize| words.get(1..to).unwrap_or(&[]);
            match name.as_str() {
                "[" if last == "]" => Test::guard(inner(words.len() - 1), false, scope),
                "[[" if last == "]]" => Test::guard(inner(words.len() - 1), true, scope),
                "test" => Test::guard(inner(words.len()), false, scope),
                ":" | "true" => Ok(Guard::Always),
                "false" => Ok(Guard::Never),
                name => Err(format!("`{name}` would have to run")),
            }
        }
        Node::Foreign(what) => Err(format!("it depends on {what}")),
        _ => Err("it is no test".into()),
    }
}

/// It cannot fail.
fn succeeds(command: &Command) -> bool {
    match &command.node {
        Node::Assign { .. } => true,
        Node::Group(commands) => commands.iter().all(succeeds),
        Node::Simple(words) => {
            matches!(words.first().and_then(Word::plain).as_deref(), Some(":" | "true" | "echo"))
        }
        _ => false,
    }
}

/// The commands set each of these variables to a text of its own, and do nothing else.
fn sets_all(body: &[Command], names: &[String]) -> bool {
    let mut set: Vec<&str> = Vec::new();
    for command in body {
        match &command.node {
            Node::Assign { name, value, append: false } if value.plain().is_some() => set.push(name),
            _ => return false,
        }
    }
    names.iter().all(|name| set.contains(&name.as_str()))
}

/// Alternatives on one and the same fact are the entries of one condition.
fn merged(guard: Guard) -> Guard {
    let Guard::Any(list) = &guard else { return guard };
    let mut whole = crate::import::draft::Demands::new();
    for demands in list {
        for (field, entries) in demands {
            if demands.len() > 1 || whole.len() > 1 || !whole.is_empty() && !whole.contains_key(field) {
                return guard;
            }
            let kept = whole.entry(*field).or_default();
            entries.iter().for_each(|entry| {
                if !kept.contains(entry) {
                    kept.push(entry.clone());
                }
            });
        }
    }
    Guard::Any(vec![whole])
}

/// A pattern of a `case`.
fn pattern(word: &Word, state: Option<&State>, choices: &Choices) -> Result<Vec<Piece>, String> {
    let mut chars: Vec<(char, bool)> = Vec::new();
    for part in &word.parts {
        match part {
            Part::Char(c, quoted) => chars.push((*c, *quoted)),
            Part::Opaque(text) => return Err(format!("only a running shell knows what {text} is")),
            Part::Variable(name) => {
                let value = state.map(|state| Scope { state, choices }.variable(name));
                match value {
                    // quoted or not, a text without wildcards means itself
                    Some(Value::Text(text)) if !text.contains(['*', '?', '[']) => {
                        chars.extend(text.chars().map(|c| (c, true)));
                    }
                    _ => return Err(format!("it holds ${name}")),
                }
            }
        }
    }
    Ok(pieces(&chars))
}

/// Whether a text fits a pattern.
fn fits(pattern: &[Piece], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    let one = |piece: &Piece, c: char| match piece {
        Piece::Char(wanted) => *wanted == c,
        Piece::One => true,
        Piece::Any => false,
        Piece::Set(ranges, negated) => {
            ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
        }
    };
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some(Piece::Any) => {
                retry = Some((p, t));
                p += 1;
            }
            Some(piece) if one(piece, *c) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or(&[]).iter().all(|piece| *piece == Piece::Any)
}
