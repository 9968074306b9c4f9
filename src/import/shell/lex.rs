//! Characters → tokens (POSIX.1-2017, "Token Recognition").

use std::collections::BTreeMap;

use super::tree::{Part, Word};

/// Deepest nesting of `$(…)`.
const DEEPEST: usize = 20;

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// `;`, `;;`, `&&`, `(`, …
    Operator(&'static str),
    /// A redirection; its target follows as a word.
    Redirect,
    Newline,
}

/// Why it is no shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import) struct Broken {
    pub(in crate::import) line: u32,
    pub(in crate::import) message: String,
}

/// Tokens with their lines.
pub(super) type Tokens = Vec<(u32, Token)>;

/// Comments by line, in the words of those who wrote the file.
pub(in crate::import) type Remarks = BTreeMap<u32, String>;

/// Longest first.
const OPERATORS: [&str; 11] = [";;&", ";;", ";&", "&&", "||", ";", "&", "|", "(", ")", "\n"];

pub(super) struct Lexer<'a> {
    rest: &'a str,
    line: u32,
    /// Here-documents whose bodies begin after this line: their ends, and whether tabs before them count.
    waiting: Vec<(String, bool)>,
    tokens: Tokens,
    remarks: Remarks,
}

/// All tokens up to the first that is none.
pub(super) fn lex(text: &str) -> (Tokens, Remarks, Option<Broken>) {
    let mut lexer =
        Lexer { rest: text, line: 1, waiting: vec![], tokens: vec![], remarks: Remarks::default() };
    let broken = lexer.run().err();
    (lexer.tokens, lexer.remarks, broken)
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), Broken> {
        while let Some(c) = self.peek() {
            let line = self.line;
            match c {
                ' ' | '\t' | '\r' => {
                    self.next();
                }
                '\\' if self.rest.starts_with("\\\n") || self.rest.starts_with("\\\r\n") => {
                    while self.next().is_some_and(|c| c != '\n') {}
                }
                '#' => {
                    let remark = self.rest.split('\n').next().unwrap_or("");
                    self.remarks.insert(line, remark.trim_start_matches('#').trim().to_owned());
                    self.skip(remark.len());
                }
                '<' | '>' => self.redirect()?,
                _ => match OPERATORS.iter().find(|operator| self.rest.starts_with(**operator)) {
                    Some(&"\n") => {
                        self.next();
                        self.tokens.push((line, Token::Newline));
                        self.here_documents();
                    }
                    Some(operator) => {
                        self.skip(operator.len());
                        self.tokens.push((line, Token::Operator(operator)));
                    }
                    None => {
                        let word = self.word()?;
                        self.word_token(line, word);
                    }
                },
            }
        }
        Ok(())
    }

    fn word_token(&mut self, line: u32, word: Word) {
        self.tokens.push((line, Token::Word(word)));
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or("");
        if c == '\n' {
            self.line = self.line.saturating_add(1);
        }
        Some(c)
    }

    /// Passes bytes that hold whole characters.
    fn skip(&mut self, bytes: usize) {
        let passed = self.rest.get(..bytes).unwrap_or("");
        let lines = u32::try_from(passed.matches('\n').count()).unwrap_or(u32::MAX);
        self.line = self.line.saturating_add(lines);
        self.rest = self.rest.get(bytes..).unwrap_or("");
    }

    fn broken(&self, line: u32, message: &str) -> Broken {
        Broken { line, message: message.to_owned() }
    }

    /// `<`, `>>`, `<<EOF`, `>&2` …
    fn redirect(&mut self) -> Result<(), Broken> {
        let line = self.line;
        let here = self.rest.starts_with("<<") && !self.rest.starts_with("<<<");
        let mut operator = String::new();
        while let Some(c @ ('<' | '>' | '&' | '|' | '-')) = self.peek() {
            operator.push(c);
            self.next();
        }
        self.tokens.push((line, Token::Redirect));
        if here {
            while matches!(self.peek(), Some(' ' | '\t')) {
                self.next();
            }
            let end = self.word()?;
            self.waiting.push((end.shown(), operator.ends_with('-')));
            self.word_token(line, end);
        }
        Ok(())
    }

    /// Passes the bodies of here-documents.
    fn here_documents(&mut self) {
        for (end, tabs) in std::mem::take(&mut self.waiting) {
            while !self.rest.is_empty() {
                let body = self.rest.split('\n').next().unwrap_or("");
                let stripped = if tabs { body.trim_start_matches('\t') } else { body };
                let ends = stripped.trim_end_matches('\r') == end;
                self.skip((body.len() + 1).min(self.rest.len()));
                if ends {
                    break;
                }
            }
        }
    }

    fn word(&mut self) -> Result<Word, Broken> {
        let mut word = Word::default();
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') | None => {}
                        Some(c) => word.parts.push(Part::Char(c, true)),
                    }
                }
                '\'' => self.single(&mut word)?,
                '"' => self.double(&mut word)?,
                '$' | '`' => {
                    let part = self.expansion()?;
                    word.parts.push(part);
                }
                c => {
                    self.next();
                    word.parts.push(Part::Char(c, false));
                }
            }
        }
        Ok(word)
    }

    fn single(&mut self, word: &mut Word) -> Result<(), Broken> {
        let line = self.line;
        self.next();
        loop {
            match self.next() {
                Some('\'') => return Ok(()),
                Some(c) => word.parts.push(Part::Char(c, true)),
                None => return Err(self.broken(line, "this ' is never closed")),
            }
        }
    }

    fn double(&mut self, word: &mut Word) -> Result<(), Broken> {
        let line = self.line;
        self.next();
        loop {
            match self.peek() {
                Some('"') => {
                    self.next();
                    return Ok(());
                }
                Some('\\') => {
                    self.next();
                    match self.next() {
                        Some(c @ ('$' | '`' | '"' | '\\')) => word.parts.push(Part::Char(c, true)),
                        Some('\n') | None => {}
                        Some(c) => word.parts.extend([Part::Char('\\', true), Part::Char(c, true)]),
                    }
                }
                Some('$' | '`') => {
                    let part = self.expansion()?;
                    word.parts.push(part);
                }
                Some(c) => {
                    self.next();
                    word.parts.push(Part::Char(c, true));
                }
                None => return Err(self.broken(line, "this \" is never closed")),
            }
        }
    }

    /// At `$` or a backquote.
    fn expansion(&mut self) -> Result<Part, Broken> {
        let (from, line) = (self.rest, self.line);
        let length = if from.starts_with('`') {
            from.get(1..).and_then(|rest| rest.find('`')).map(|end| end + 2)
        } else if let Some(rest) = from.strip_prefix("${") {
            let closed = rest.find('}');
            let name = closed.and_then(|end| rest.get(..end)).unwrap_or("");
            if is_name(name) {
                self.skip(name.len() + 3);
                return Ok(Part::Variable(name.to_owned()));
            }
            closed.map(|end| end + 3)
        } else if from.starts_with("$(") {
            closing(from)
        } else {
            let rest = from.get(1..).unwrap_or("");
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if is_name(&name) {
                self.skip(name.len() + 1);
                return Ok(Part::Variable(name));
            }
            // $1, $?, $@, or a dollar sign that means itself
            match rest.chars().next() {
                Some(c) if c.is_ascii_digit() || "?@*#$!-".contains(c) => Some(2),
                _ => {
                    self.next();
                    return Ok(Part::Char('$', true));
                }
            }
        };
        let Some(length) = length else { return Err(self.broken(line, "this expansion is never closed")) };
        let text = from.get(..length).unwrap_or("").to_owned();
        self.skip(length);
        Ok(Part::Opaque(text))
    }
}

/// Length of `$(…)`, quotes and inner brackets counted.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices().skip(1) {
        match (quote, c) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        if depth > DEEPEST {
            return None;
        }
    }
    None
}

/// A name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
