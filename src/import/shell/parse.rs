//! Tokens → a tree (POSIX.1-2017, "Shell Grammar").

use super::lex::{Broken, Remarks, Token, Tokens, is_name, lex};
use super::tree::{Arm, Command, Joint, Node, Part, Word};

/// Deepest nesting of compound commands.
const DEEPEST: usize = 100;

/// What a file holds.
pub(in crate::import) struct Script {
    pub(in crate::import) commands: Vec<Command>,
    pub(in crate::import) remarks: Remarks,
    /// Where it ceases to be shell: a shell would have refused it whole.
    pub(in crate::import) broken: Option<Broken>,
}

/// Reads a script.
pub(in crate::import) fn parse(text: &str) -> Script {
    let (tokens, remarks, lexed) = lex(text);
    let last = tokens.last().map_or(1, |(line, _)| *line);
    let mut parser = Parser { tokens, at: 0, depth: 0, last };
    let mut commands = Vec::new();
    let parsed = parser.list(&mut commands, &[]).and_then(|()| match parser.peek() {
        None => Ok(()),
        Some(token) => {
            let message = format!("{} stands where nothing of the kind can", shown(token));
            Err(Broken { line: parser.line(), message })
        }
    });
    Script { commands, remarks, broken: lexed.or(parsed.err()) }
}

struct Parser {
    tokens: Tokens,
    at: usize,
    depth: usize,
    last: u32,
}

type Parsed<T> = Result<T, Broken>;

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn line(&self) -> u32 {
        self.tokens.get(self.at).map_or(self.last, |(line, _)| *line)
    }

    fn operator(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Operator(operator)) if *operator == wanted);
        self.at += usize::from(found);
        found
    }

    /// A reserved word, if it is next.
    fn reserved(&mut self, wanted: &str) -> bool {
        let found = self.bare().as_deref() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn bare(&self) -> Option<String> {
        match self.peek() {
            Some(Token::Word(word)) => word.bare(),
            _ => None,
        }
    }

    /// What lies too deep is refused: the reader must not run out of stack.
    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Broken { line: self.line(), message: format!("nested more than {DEEPEST} deep") });
        }
        Ok(())
    }

    fn newlines(&mut self) {
        while matches!(self.peek(), Some(Token::Newline)) {
            self.at += 1;
        }
    }

    fn wants(&mut self, word: &str, from: u32) -> Parsed<()> {
        if self.reserved(word) {
            return Ok(());
        }
        let message = format!("what begins on line {from} lacks its `{word}`");
        Err(Broken { line: self.line(), message })
    }

    /// Commands up to one of these reserved words, `)`, `;;` or the end.
    fn list(&mut self, into: &mut Vec<Command>, ends: &[&str]) -> Parsed<()> {
        self.deeper()?;
        loop {
            while matches!(self.peek(), Some(Token::Newline | Token::Operator(";" | "&"))) {
                self.at += 1;
            }
            let ended = match self.peek() {
                None | Some(Token::Operator(")" | ";;" | ";&" | ";;&")) => true,
                _ => self.bare().is_some_and(|word| ends.contains(&word.as_str())),
            };
            if ended {
                break;
            }
            let command = self.and_or()?;
            into.extend(command);
        }
        self.depth -= 1;
        Ok(())
    }

    fn body(&mut self, ends: &[&str]) -> Parsed<Vec<Command>> {
        let mut body = Vec::new();
        self.list(&mut body, ends)?;
        Ok(body)
    }

    /// Several assignments on one command are several commands.
    fn and_or(&mut self) -> Parsed<Vec<Command>> {
        let first = self.pipeline()?;
        let mut all = vec![];
        let mut left = first;
        loop {
            let joint = if self.operator("&&") {
                Joint::And
            } else if self.operator("||") {
                Joint::Or
            } else {
                all.extend(left);
                return Ok(all);
            };
            self.newlines();
            let right = self.pipeline()?;
            let (Some(line), right) = (left.first().map(|command| command.line), one(right)) else {
                return Err(Broken { line: self.line(), message: "nothing stands before && or ||".into() });
            };
            let node = Node::Joined { joint, left: Box::new(one(left)), right: Box::new(right) };
            left = vec![Command { line, node }];
        }
    }

    fn pipeline(&mut self) -> Parsed<Vec<Command>> {
        let line = self.line();
        if self.reserved("!") {
            self.deeper()?;
            let node = Node::Not(Box::new(one(self.pipeline()?)));
            self.depth -= 1;
            return Ok(vec![Command { line, node }]);
        }
        let first = self.command()?;
        let mut piped = false;
        while self.operator("|") {
            self.newlines();
            self.command()?;
            piped = true;
        }
        if piped {
            return Ok(vec![Command { line, node: Node::Foreign("a pipeline".to_owned()) }]);
        }
        Ok(first)
    }

    fn command(&mut self) -> Parsed<Vec<Command>> {
        let line = self.line();
        let foreign = |what: &str| Node::Foreign(what.to_owned());
        let node = if self.operator("(") {
            self.body(&[])?;
            if !self.operator(")") {
                return Err(Broken { line, message: "this ( is never closed".to_owned() });
            }
            foreign("a subshell")
        } else {
            match self.bare().as_deref() {
                Some("case") => self.case(line)?,
                Some("if") => {
                    self.at += 1;
                    self.conditional(line)?
                }
                Some("{") => {
                    self.at += 1;
                    let body = self.body(&["}"])?;
                    self.wants("}", line)?;
                    Node::Group(body)
                }
                Some(word @ ("for" | "while" | "until" | "select")) => {
                    let what = foreign(&format!("a `{word}` loop"));
                    while self.bare().as_deref() != Some("do") {
                        if self.peek().is_none() {
                            return self.wants("do", line).map(|()| vec![]);
                        }
                        self.at += 1;
                    }
                    self.at += 1;
                    self.body(&["done"])?;
                    self.wants("done", line)?;
                    what
                }
                Some("function") => {
                    self.at += 2;
                    if self.operator("(") {
                        self.operator(")");
                    }
                    self.newlines();
                    self.deeper()?;
                    self.command()?;
                    self.depth -= 1;
                    foreign("a function")
                }
                Some(word @ ("then" | "elif" | "else" | "fi" | "do" | "done" | "esac" | "}")) => {
                    return Err(Broken { line, message: format!("`{word}` stands where a command must") });
                }
                _ => return self.simple(line),
            }
        };
        self.redirections();
        Ok(vec![Command { line, node }])
    }

    /// After a compound command.
    fn redirections(&mut self) {
        while matches!(self.peek(), Some(Token::Redirect)) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(Token::Word(_))));
        }
    }

    fn case(&mut self, line: u32) -> Parsed<Node> {
        self.at += 1;
        let Some(Token::Word(word)) = self.peek().cloned() else {
            return Err(Broken { line, message: "`case` of nothing".to_owned() });
        };
        self.at += 1;
        self.newlines();
        self.wants("in", line)?;
        let mut arms = Vec::new();
        loop {
            self.newlines();
            if self.reserved("esac") {
                return Ok(Node::Case { word, arms });
            }
            let at = self.line();
            self.operator("(");
            let mut patterns = Vec::new();
            loop {
                let Some(Token::Word(pattern)) = self.peek().cloned() else {
                    let message = format!("a pattern is missing in the `case` of line {line}, or its `esac`");
                    return Err(Broken { line: self.line(), message });
                };
                self.at += 1;
                patterns.push(pattern);
                if self.operator(")") {
                    break;
                }
                if !self.operator("|") {
                    return Err(Broken { line: at, message: "this pattern has no )".to_owned() });
                }
            }
            let body = self.body(&["esac"])?;
            let falls_through = self.operator(";&") || self.operator(";;&");
            let more = falls_through || self.operator(";;");
            arms.push(Arm { line: at, patterns, body, falls_through });
            if !more {
                self.newlines();
                self.wants("esac", line)?;
                return Ok(Node::Case { word, arms });
            }
        }
    }

    /// After `if` or `elif`.
    fn conditional(&mut self, line: u32) -> Parsed<Node> {
        let test = self.body(&["then"])?;
        self.wants("then", line)?;
        let then = self.body(&["elif", "else", "fi"])?;
        let at = self.line();
        let otherwise = if self.reserved("elif") {
            self.deeper()?;
            let node = self.conditional(line)?;
            self.depth -= 1;
            return Ok(Node::If { test, then, otherwise: vec![Command { line: at, node }] });
        } else if self.reserved("else") {
            self.body(&["fi"])?
        } else {
            vec![]
        };
        self.wants("fi", line)?;
        Ok(Node::If { test, then, otherwise })
    }

    /// Assignments, then a name and arguments.
    fn simple(&mut self, line: u32) -> Parsed<Vec<Command>> {
        let (mut assigned, mut words) = (Vec::new(), Vec::<Word>::new());
        let mut redirected = false;
        loop {
            let bracketed = words.first().and_then(Word::bare).as_deref() == Some("[[");
            let closed = words.last().and_then(Word::bare).as_deref() == Some("]]");
            match self.peek().cloned() {
                // within [[ … ]] operators are words
                Some(Token::Operator(operator @ ("&&" | "||" | "(" | ")"))) if bracketed && !closed => {
                    self.at += 1;
                    let parts = operator.chars().map(|c| Part::Char(c, false)).collect();
                    words.push(Word { parts });
                }
                Some(Token::Redirect) => {
                    redirected = true;
                    self.redirections();
                }
                Some(Token::Operator("(")) if words.len() == 1 && assigned.is_empty() && !redirected => {
                    return self.function(line);
                }
                Some(Token::Word(word)) => {
                    let here = self.line();
                    self.at += 1;
                    match assignment(&word).filter(|_| words.is_empty()) {
                        Some(node) => assigned.push(Command { line: here, node }),
                        None => words.push(word),
                    }
                }
                _ => break,
            }
        }
        if words.is_empty() {
            if assigned.is_empty() && !redirected {
                let what = self.peek().map_or_else(|| "the end".to_owned(), shown);
                return Err(Broken { line, message: format!("{what} stands where a command must") });
            }
            return Ok(assigned);
        }
        Ok(command(line, words))
    }

    fn function(&mut self, line: u32) -> Parsed<Vec<Command>> {
        self.at += 1;
        if !self.operator(")") {
            return Err(Broken { line, message: "this ( is never closed".to_owned() });
        }
        self.newlines();
        self.deeper()?;
        self.command()?;
        self.depth -= 1;
        Ok(vec![Command { line, node: Node::Foreign("a function".to_owned()) }])
    }
}

/// A simple command; `export NAME=value` is its assignments.
fn command(line: u32, words: Vec<Word>) -> Vec<Command> {
    let name = words.first().and_then(Word::bare);
    if matches!(name.as_deref(), Some("export" | "readonly" | "local" | "typeset" | "declare")) {
        let arguments = words.get(1..).unwrap_or(&[]);
        let assigned = arguments.iter().filter_map(assignment).map(|node| Command { line, node });
        return assigned.collect();
    }
    vec![Command { line, node: Node::Simple(words) }]
}

/// `NAME=value`, `NAME+=value`.
fn assignment(word: &Word) -> Option<Node> {
    let equals = word.parts.iter().position(|part| *part == Part::Char('=', false))?;
    let before = Word { parts: word.parts.get(..equals)?.to_vec() }.bare()?;
    let (name, append) = match before.strip_suffix('+') {
        Some(name) => (name, true),
        None => (before.as_str(), false),
    };
    let value = Word { parts: word.parts.get(equals + 1..)?.to_vec() };
    is_name(name).then(|| Node::Assign { name: name.to_owned(), value, append })
}

/// One command that does what several do in turn.
fn one(mut commands: Vec<Command>) -> Command {
    match commands.len() {
        1 => commands.remove(0),
        _ => {
            Command { line: commands.first().map_or(0, |command| command.line), node: Node::Group(commands) }
        }
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{}`", word.shown()),
        Token::Operator(operator) => format!("`{operator}`"),
        Token::Redirect => "a redirection".to_owned(),
        Token::Newline => "the end of the line".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> String {
        fn of(commands: &[Command]) -> String {
            commands.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        fn one(command: &Command) -> String {
            let line = command.line;
            match &command.node {
                Node::Assign { name, value, append } => {
                    format!("{line}:{name}{}={}", if *append { "+" } else { "" }, value.shown())
                }
                Node::Case { word, arms } => {
                    let arms: Vec<String> = arms
                        .iter()
                        .map(|arm| {
                            let patterns: Vec<String> = arm.patterns.iter().map(Word::shown).collect();
                            format!("{}:{}→{}", arm.line, patterns.join("|"), of(&arm.body))
                        })
                        .collect();
                    format!("case {}[{}]", word.shown(), arms.join(", "))
                }
                Node::If { test, then, otherwise } => {
                    format!("if({})[{}][{}]", of(test), of(then), of(otherwise))
                }
                Node::Joined { joint, left, right } => {
                    format!("({} {joint:?} {})", one(left), one(right))
                }
                Node::Not(inner) => format!("!{}", one(inner)),
                Node::Group(inner) => format!("{{{}}}", of(inner)),
                Node::Simple(words) => words.iter().map(Word::shown).collect::<Vec<_>>().join("_"),
                Node::Foreign(what) => format!("<{what}>"),
            }
        }
        let script = parse(text);
        let broken = script.broken.map(|broken| format!("!{}", broken.line)).unwrap_or_default();
        of(&script.commands) + &broken
    }

    #[test]
    fn commands_are_read_with_their_lines() {
        for (text, expected) in [
            ("SENDTO=a@b\nFILETYPE=pdf; X='y z'", "1:SENDTO=a@b 2:FILETYPE=pdf 2:X=y z"),
            ("A=1 B=2 # both\n", "1:A=1 1:B=2"),
            ("case \"$SENDER\" in\n  *555*|(x) ) SENDTO=a;; # why\n  'a b') ;;\n  *) exit\nesac", "!2"),
            (
                "case \"$SENDER\" in\n  *555*|x ) SENDTO=a;; # why\n  'a b') ;;\n  *) exit\nesac",
                "case $SENDER[2:*555*|x→2:SENDTO=a, 3:a b→, 4:*→exit]",
            ),
            (
                "if [ a = b ]; then X=1; elif y; then Z=2; else W=3; fi",
                "if([_a_=_b_])[1:X=1][if(y)[1:Z=2][1:W=3]]",
            ),
            ("[ -n \"$A\" ] && B=1 || C=2", "(([_-n_$A_] And 1:B=1) Or 1:C=2)"),
            ("[[ $A == 5* && $B != x ]] && C=1", "([[_$A_==_5*_&&_$B_!=_x_]] And 1:C=1)"),
            ("! grep -q x y && Z=1", "(!grep_-q_x_y And 1:Z=1)"),
            ("cat <<EOF\ncase esac ;; \"\nEOF\nA=1", "cat 4:A=1"),
            ("f() { A=1; }\nB=2", "<a function> 2:B=2"),
            ("for i in 1 2; do A=$i; done\nB=2", "<a `for` loop> 2:B=2"),
            ("(A=1)\n{ B=2; }", "<a subshell> {2:B=2}"),
            ("echo \"$X\" | mail root\nA=1", "<a pipeline> 2:A=1"),
            ("export A=1 B\nC=\\\n2", "1:A=1 2:C=2"),
            ("A=$(date +%H) B=`id` C=${D:-x}", "1:A=$(date +%H) 1:B=`id` 1:C=${D:-x}"),
            ("A=1\nB='open", "1:A=1!2"),
            ("A=1\nesac", "1:A=1!2"),
            ("case x in", "!1"),
            ("A=1 ;; B=2", "1:A=1!1"),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }

    #[test]
    fn deep_nesting_ends_politely() {
        for open in
            ["{ ", "( ", "if ", "f() f() f() ", "case x in x) ", "! ", "$(", "\"$(\"", "if x; then :; elif "]
        {
            let _ = shape(&open.repeat(5_000));
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn nothing_makes_it_panic(text in "([a-zA-Z$\"'`(){};&|<>#=*?\\[\\]! \\\\\n]|case |esac|in |\\) |;;|if |then|fi|do|done|\\[\\[|\\]\\]|<<E|牌){0,80}") {
            let _ = shape(&text);
        }
    }
}
