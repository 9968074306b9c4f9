//! What the reader gives.

/// A word before expansion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::import) struct Word {
    pub(in crate::import) parts: Vec<Part>,
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import) enum Part {
    /// A character; a quoted one is never a pattern.
    Char(char, bool),
    /// `$NAME` or `${NAME}`.
    Variable(String),
    /// Anything that only a running shell knows: `$(…)`, `${NAME#…}`, `$1`.
    Opaque(String),
}

impl Word {
    /// Its characters if there are no expansions in it.
    pub(in crate::import) fn plain(&self) -> Option<String> {
        self.parts.iter().map(|part| if let Part::Char(c, _) = part { Some(*c) } else { None }).collect()
    }

    /// Its characters if there are neither expansions nor quotes in it: only then is it a reserved word.
    pub(in crate::import) fn bare(&self) -> Option<String> {
        self.parts.iter().map(|part| if let Part::Char(c, false) = part { Some(*c) } else { None }).collect()
    }

    /// The word as a person would recognise it.
    pub(in crate::import) fn shown(&self) -> String {
        let mut shown = String::new();
        for part in &self.parts {
            match part {
                Part::Char(c, _) => shown.push(*c),
                Part::Variable(name) => {
                    shown.push('$');
                    shown.push_str(name);
                }
                Part::Opaque(text) => shown.push_str(text),
            }
        }
        shown
    }
}

/// A command and the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import) struct Command {
    pub(in crate::import) line: u32,
    pub(in crate::import) node: Node,
}

/// How two commands are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import) enum Joint {
    /// `&&`
    And,
    /// `||`
    Or,
}

/// A kind of command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import) enum Node {
    /// `NAME=value` or `NAME+=value`, kept for what follows.
    Assign { name: String, value: Word, append: bool },
    /// `case word in …`
    Case { word: Word, arms: Vec<Arm> },
    /// `if`; `elif` is an `if` within `otherwise`.
    If { test: Vec<Command>, then: Vec<Command>, otherwise: Vec<Command> },
    /// `left && right`, `left || right`
    Joined { joint: Joint, left: Box<Command>, right: Box<Command> },
    /// `! command`
    Not(Box<Command>),
    /// `{ …; }`
    Group(Vec<Command>),
    /// A simple command: name and arguments.
    Simple(Vec<Word>),
    /// A command that is known and not understood, in short.
    Foreign(String),
}

/// One arm of a `case`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import) struct Arm {
    pub(in crate::import) line: u32,
    pub(in crate::import) patterns: Vec<Word>,
    pub(in crate::import) body: Vec<Command>,
    /// It ends with `;&` or `;;&`: other arms may follow.
    pub(in crate::import) falls_through: bool,
}
