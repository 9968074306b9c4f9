//! A reader of `INSERT` and `CREATE TABLE` in MySQL's dialect, as mysqldump, phpMyAdmin and people write them. Everything
//! else is passed over.

use std::collections::BTreeMap;

use super::rows::Row;
use super::tables::{COLUMNS, known};
use crate::import::File;

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A word, number or quoted name.
    Word(String),
    /// A quoted text.
    Text(String),
    /// `(`, `)`, `,`, `;`, `=` …
    Sign(char),
}

/// All rows of AvantFAX' tables, and statements that were not understood.
pub(super) fn rows(file: &File) -> (Vec<Row>, Vec<(u32, String)>) {
    let columns = |columns: &[&str]| columns.iter().map(|column| (*column).to_owned()).collect();
    let mut reader = Reader {
        tokens: Lexer { rest: &file.text, line: 1 },
        peeked: None,
        file: &file.name,
        columns: COLUMNS.iter().map(|(table, list)| (*table, columns(list))).collect(),
        rows: vec![],
        bad: vec![],
    };
    while reader.peek().is_some() {
        reader.statement();
    }
    (reader.rows, reader.bad)
}

struct Reader<'a> {
    tokens: Lexer<'a>,
    peeked: Option<(u32, Token)>,
    file: &'a str,
    columns: BTreeMap<&'static str, Vec<String>>,
    rows: Vec<Row>,
    bad: Vec<(u32, String)>,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<&(u32, Token)> {
        if self.peeked.is_none() {
            self.peeked = self.tokens.next();
        }
        self.peeked.as_ref()
    }

    fn next(&mut self) -> Option<(u32, Token)> {
        self.peek();
        self.peeked.take()
    }

    fn line(&mut self) -> u32 {
        self.peek().map_or(0, |(line, _)| *line)
    }

    fn word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some((_, Token::Word(word))) if word.eq_ignore_ascii_case(wanted));
        if found {
            self.peeked = None;
        }
        found
    }

    fn sign(&mut self, wanted: char) -> bool {
        let found = matches!(self.peek(), Some((_, Token::Sign(sign))) if *sign == wanted);
        if found {
            self.peeked = None;
        }
        found
    }

    fn name(&mut self) -> Option<String> {
        match self.next()? {
            (_, Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// A table's name; a database before it does not count.
    fn table(&mut self) -> Option<String> {
        let mut name = self.name()?;
        while self.sign('.') {
            name = self.name()?;
        }
        Some(name)
    }

    /// Up to and with `;`.
    fn skip(&mut self) {
        while let Some((_, token)) = self.next() {
            if token == Token::Sign(';') {
                break;
            }
        }
    }

    fn statement(&mut self) {
        let line = self.line();
        if self.word("INSERT") || self.word("REPLACE") {
            let table = self.after_into();
            if let Some(table) = table.as_deref().and_then(known)
                && self.insert(table).is_none()
            {
                self.bad.push((line, format!("this statement on {table} is not understood")));
            }
        } else if self.word("CREATE") && self.word("TABLE") {
            // a definition that is not understood leaves the columns as AvantFAX made them
            self.create().unwrap_or(());
        }
        self.skip();
    }

    fn after_into(&mut self) -> Option<String> {
        while self.word("IGNORE") || self.word("LOW_PRIORITY") || self.word("DELAYED") {}
        self.word("INTO");
        self.table()
    }

    /// Column order out of a table's definition.
    fn create(&mut self) -> Option<()> {
        if self.word("IF") {
            self.word("NOT");
            self.word("EXISTS");
        }
        let table = known(&self.table()?)?;
        if !self.sign('(') {
            return None;
        }
        let (mut columns, mut depth, mut first) = (Vec::new(), 1_usize, true);
        while depth > 0 {
            match self.next()?.1 {
                Token::Sign('(') => depth += 1,
                Token::Sign(')') => depth -= 1,
                Token::Sign(',') if depth == 1 => {
                    first = true;
                    continue;
                }
                Token::Word(word) if first && depth == 1 => {
                    let keys = ["PRIMARY", "KEY", "UNIQUE", "INDEX", "CONSTRAINT", "FULLTEXT", "FOREIGN"];
                    if !keys.iter().any(|key| word.eq_ignore_ascii_case(key)) {
                        columns.push(word);
                    }
                }
                _ => {}
            }
            first = false;
        }
        self.columns.insert(table, columns);
        Some(())
    }

    /// After the table's name; `None`: not understood. Rows before that count.
    fn insert(&mut self, table: &'static str) -> Option<()> {
        if self.word("SET") {
            return self.insert_set(table);
        }
        let mut columns = self.columns.get(table).cloned().unwrap_or_default();
        if self.sign('(') {
            columns.clear();
            loop {
                columns.push(self.name()?);
                if self.sign(')') {
                    break;
                }
                if !self.sign(',') {
                    return None;
                }
            }
        }
        if !self.word("VALUES") && !self.word("VALUE") {
            return None;
        }
        loop {
            let line = self.line();
            let values = self.values()?;
            // a table of another version may have columns that nobody asks for
            if values.len() < columns.len() {
                let why = format!("{} values for {} columns of {table}", values.len(), columns.len());
                self.bad.push((line, why));
            } else {
                self.push(table, line, columns.iter().cloned().zip(values).collect());
            }
            if !self.sign(',') {
                return Some(());
            }
        }
    }

    /// `SET column = value, …`
    fn insert_set(&mut self, table: &'static str) -> Option<()> {
        let line = self.line();
        let mut cells = Vec::new();
        loop {
            let column = self.name()?;
            if !self.sign('=') {
                return None;
            }
            cells.push((column, self.value()?));
            if !self.sign(',') {
                self.push(table, line, cells);
                return Some(());
            }
        }
    }

    /// `(value, …)`
    fn values(&mut self) -> Option<Vec<Option<String>>> {
        if !self.sign('(') {
            return None;
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value()?);
            if self.sign(')') {
                return Some(values);
            }
            if !self.sign(',') {
                return None;
            }
        }
    }

    fn push(&mut self, table: &str, line: u32, cells: Vec<(String, Option<String>)>) {
        self.rows.push(Row { table: table.to_owned(), file: self.file.to_owned(), line, cells });
    }

    /// A text, a number, NULL or a call without arguments; `None`: something else.
    fn value(&mut self) -> Option<Option<String>> {
        let negative = self.sign('-');
        let mut token = self.next()?.1;
        // _utf8'text'
        if matches!(&token, Token::Word(word) if word.starts_with('_'))
            && matches!(self.peek(), Some((_, Token::Text(_))))
        {
            token = self.next()?.1;
        }
        match token {
            Token::Text(text) => Some(Some(text)),
            Token::Word(word) if word.eq_ignore_ascii_case("NULL") => Some(None),
            Token::Word(word) => {
                // NOW()
                if self.sign('(') && !self.sign(')') {
                    return None;
                }
                Some(Some(if negative { format!("-{word}") } else { word }))
            }
            Token::Sign(_) => None,
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    line: u32,
}

impl Lexer<'_> {
    /// Passes bytes that hold whole characters.
    fn skip(&mut self, bytes: usize) {
        let passed = self.rest.get(..bytes).unwrap_or(self.rest);
        let lines = u32::try_from(passed.matches('\n').count()).unwrap_or(u32::MAX);
        self.line = self.line.saturating_add(lines);
        self.rest = self.rest.get(bytes..).unwrap_or("");
    }

    fn comment(&mut self) -> bool {
        let rest = self.rest;
        let length = if rest.starts_with('#') || rest.starts_with("-- ") || rest.starts_with("--\n") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            return false;
        };
        self.skip(length);
        true
    }

    fn quoted(&mut self, quote: char) -> String {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if quote != '`' => match chars.next() {
                    // MySQL 8.0 manual, "String Literals"
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, '0')) => text.push('\0'),
                    Some((_, 'Z')) => text.push('\u{1a}'),
                    Some((_, c)) => text.push(c),
                    None => {}
                },
                c if c == quote => {
                    if chars.next_if(|(_, next)| *next == quote).is_none() {
                        end = at + c.len_utf8();
                        break;
                    }
                    text.push(quote);
                }
                c => text.push(c),
            }
        }
        self.skip(end);
        text
    }
}

impl Iterator for Lexer<'_> {
    type Item = (u32, Token);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.skip(blank);
            if !self.comment() {
                break;
            }
        }
        let line = self.line;
        let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '@');
        let token = match self.rest.chars().next()? {
            c @ ('\'' | '"') => Token::Text(self.quoted(c)),
            '`' => Token::Word(self.quoted('`')),
            c if in_word(c) => {
                // a number may have a point in it
                let number = c.is_ascii_digit();
                let ends = |c: char| !(in_word(c) || number && c == '.');
                let end = self.rest.find(ends).unwrap_or(self.rest.len());
                let word = self.rest.get(..end).unwrap_or("").to_owned();
                self.skip(end);
                Token::Word(word)
            }
            c => {
                self.skip(c.len_utf8());
                Token::Sign(c)
            }
        };
        Some((line, token))
    }
}
