//! `[ … ]`, `test …` and `[[ … ]]` → [`Guard`].

use super::guard::Guard;
use super::state::Value;
use crate::import::entry::{Field, Piece, entries, pieces};
use crate::import::shell::{Part, Word};
use crate::route::NumberPlan;

/// Deepest nesting of brackets.
const DEEPEST: usize = 50;

/// What words and variables hold where a test stands.
pub(super) trait Values {
    /// What a word expands to.
    fn expand(&self, word: &Word) -> Value;

    /// How numbers are read.
    fn numbers(&self) -> &NumberPlan;
}

/// A test being read.
pub(super) struct Test<'a, V> {
    words: &'a [Word],
    at: usize,
    depth: usize,
    /// `[[`: an unquoted right side is a pattern.
    patterns: bool,
    values: &'a V,
}

impl<'a, V: Values> Test<'a, V> {
    /// `words` are what stands between the brackets.
    pub(super) fn guard(words: &'a [Word], patterns: bool, values: &'a V) -> Result<Guard, String> {
        let mut test = Self { words, at: 0, depth: 0, patterns, values };
        let guard = test.either()?;
        if test.at < words.len() {
            return Err("the test is not understood".into());
        }
        Ok(guard)
    }

    fn bare(&self) -> Option<String> {
        self.words.get(self.at).and_then(Word::bare)
    }

    fn takes(&mut self, any: &[&str]) -> bool {
        let found = self.bare().is_some_and(|word| any.contains(&word.as_str()));
        self.at += usize::from(found);
        found
    }

    fn either(&mut self) -> Result<Guard, String> {
        let mut guard = self.all()?;
        while self.takes(&["-o", "||"]) {
            guard = guard.or(self.all()?, self.values.numbers())?;
        }
        Ok(guard)
    }

    fn all(&mut self) -> Result<Guard, String> {
        let mut guard = self.one()?;
        while self.takes(&["-a", "&&"]) {
            guard = guard.and(self.one()?, self.values.numbers())?;
        }
        Ok(guard)
    }

    fn one(&mut self) -> Result<Guard, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the test is nested too deep".into());
        }
        let guard = if self.takes(&["!"]) {
            self.one()?.not()
        } else if self.takes(&["("]) {
            let inner = self.either()?;
            if !self.takes(&[")"]) {
                return Err("the test is not understood".into());
            }
            inner
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(guard)
    }

    fn word(&mut self) -> Result<&'a Word, String> {
        let word = self.words.get(self.at).ok_or("the test is not understood")?;
        self.at += 1;
        Ok(word)
    }

    fn primary(&mut self) -> Result<Guard, String> {
        let more = self.words.len() - self.at;
        if more >= 2 && self.takes(&["-n"]) {
            let word = self.word()?;
            return self.known(word);
        }
        if more >= 2 && self.takes(&["-z"]) {
            let word = self.word()?;
            return Ok(self.known(word)?.not());
        }
        if let Some(flag) = self.bare().filter(|word| more >= 2 && word.starts_with('-') && word.len() == 2) {
            return Err(format!("`{flag}` asks for something on the old machine"));
        }
        let left = self.word()?;
        let Some(operator) = self.bare() else { return self.known(left) };
        match operator.as_str() {
            "=" | "==" | "!=" => {
                self.at += 1;
                let right = self.word()?;
                let guard = self.equal(left, right)?;
                Ok(if operator == "!=" { guard.not() } else { guard })
            }
            "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => {
                self.at += 1;
                let right = self.word()?;
                self.count(left, &operator, right)
            }
            "=~" => Err("`=~` takes an expression of another kind than rules do".into()),
            _ => self.known(left),
        }
    }

    /// `-n`
    fn known(&self, word: &Word) -> Result<Guard, String> {
        match self.values.expand(word) {
            Value::Text(text) => Ok(Guard::of(!text.is_empty())),
            Value::Fact(field @ (Field::Did | Field::Caller | Field::Tsi | Field::Device)) => {
                Ok(Guard::on(field, vec!["*".to_owned()]))
            }
            Value::Fact(Field::Pages) => Ok(Guard::Always),
            Value::Fact(field) => Err(format!("no condition asks whether a {field} is known")),
            Value::Unknown(why) => Err(why),
        }
    }

    fn equal(&self, left: &Word, right: &Word) -> Result<Guard, String> {
        // [ "x$SENDER" = "x" ]: an old guard against empty words
        let (mut left, mut right) = (left.clone(), right.clone());
        while let (Some(Part::Char(a, _)), Some(Part::Char(b, _))) = (left.parts.first(), right.parts.first())
            && a == b
            && left.parts.len() > 1
        {
            left.parts.remove(0);
            right.parts.remove(0);
        }
        match (self.values.expand(&left), self.values.expand(&right)) {
            (Value::Fact(field), Value::Text(_)) if self.patterns => {
                matching(field, &right, self.values.numbers())
            }
            (Value::Fact(field), Value::Text(text)) | (Value::Text(text), Value::Fact(field)) => {
                same(field, &text, self.values.numbers())
            }
            (Value::Text(a), Value::Text(b)) => Ok(Guard::of(a == b)),
            (Value::Unknown(why), _) | (_, Value::Unknown(why)) => Err(why),
            (Value::Fact(_), Value::Fact(_)) => Err("it compares two facts of a fax".into()),
        }
    }

    fn count(&self, left: &Word, operator: &str, right: &Word) -> Result<Guard, String> {
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| format!("{text:?} is no number"));
        match (self.values.expand(left), self.values.expand(right)) {
            (Value::Fact(Field::Pages), Value::Text(text)) => {
                let number = number(&text)?;
                let entry = match operator {
                    "-lt" => format!("<{number}"),
                    "-le" => format!("<={number}"),
                    "-gt" => format!(">{number}"),
                    "-ge" => format!(">={number}"),
                    _ => number.to_string(),
                };
                let guard = matching_text(Field::Pages, &entry, self.values.numbers())?;
                Ok(if operator == "-ne" { guard.not() } else { guard })
            }
            (Value::Fact(field), Value::Text(text)) if operator == "-eq" => {
                same(field, &text, self.values.numbers())
            }
            (Value::Text(a), Value::Text(b)) => {
                let (a, b) = (number(&a)?, number(&b)?);
                Ok(Guard::of(match operator {
                    "-eq" => a == b,
                    "-ne" => a != b,
                    "-lt" => a < b,
                    "-le" => a <= b,
                    "-gt" => a > b,
                    _ => a >= b,
                }))
            }
            (Value::Unknown(why), _) | (_, Value::Unknown(why)) => Err(why),
            _ => Err(format!("rules do not compare with `{operator}`")),
        }
    }
}

fn same(field: Field, text: &str, plan: &NumberPlan) -> Result<Guard, String> {
    let pattern: Vec<Piece> = text.chars().map(Piece::Char).collect();
    if pattern.is_empty() {
        // equal to nothing: not known
        return match field {
            Field::Did | Field::Caller | Field::Tsi | Field::Device => {
                Ok(Guard::on(field, vec!["*".to_owned()]).not())
            }
            _ => Err(format!("no condition asks for a missing {field}")),
        };
    }
    pattern_guard(field, &pattern, plan)
}

fn matching_text(field: Field, entry: &str, plan: &NumberPlan) -> Result<Guard, String> {
    pattern_guard(field, &entry.chars().map(Piece::Char).collect::<Vec<_>>(), plan)
}

fn matching(field: Field, word: &Word, plan: &NumberPlan) -> Result<Guard, String> {
    let chars: Option<Vec<(char, bool)>> = word
        .parts
        .iter()
        .map(|part| if let Part::Char(c, quoted) = part { Some((*c, *quoted)) } else { None })
        .collect();
    let chars = chars.ok_or("the pattern holds a variable")?;
    if chars.is_empty() { same(field, "", plan) } else { pattern_guard(field, &pieces(&chars), plan) }
}

/// A fact against a pattern.
pub(super) fn pattern_guard(field: Field, pattern: &[Piece], plan: &NumberPlan) -> Result<Guard, String> {
    Ok(entries(field, pattern, plan)?.map_or(Guard::Always, |entries| Guard::on(field, entries)))
}
