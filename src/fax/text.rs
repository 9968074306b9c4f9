//! What the OCR engine read, in coordinates of the page as received.

/// A box in pixels of the received page (not of the enhanced copy): left, top, right, bottom; the
/// right and bottom edges are outside.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Box2 {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Bottom edge.
    pub bottom: f32,
}

impl Box2 {
    /// Smallest box around both.
    pub fn union(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// One word: between blanks in English; a run of Han characters as the engine gave it in Chinese.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Word {
    /// The characters.
    pub text: String,
    /// Where they stand.
    pub at: Box2,
    /// 0 to 100, the engine's own measure.
    pub confidence: f32,
    /// A blank separates this word from the one before it on the line. Always false for a line's first
    /// word, and false between Han characters.
    pub space_before: bool,
}

/// What a line is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Script {
    /// Latin letters and digits alone.
    Latin,
    /// Chinese.
    Han,
    /// Both.
    Mixed,
}

/// A quarter turn, clockwise, that makes the received page upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// Upright as received.
    #[default]
    None,
    /// Turn right once.
    Quarter,
    /// Upside down.
    Half,
    /// Turn left once.
    ThreeQuarters,
}

/// One line of text.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Line {
    /// Words in reading order.
    pub words: Vec<Word>,
    /// Around all words.
    pub at: Box2,
    /// What it is written in.
    pub script: Script,
    /// The line that the *sending machine* printed at the head of the page (date, TSI, page number). It is
    /// in the searchable text but is never looked at by text rules: its words are the sender's claim.
    pub header: bool,
    /// The line runs down the page as read (vertical Chinese): words and the characters in them follow each
    /// other from top to bottom.
    #[serde(default)]
    pub vertical: bool,
}

impl Line {
    /// The line as text, blanks where `space_before` says.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for word in &self.words {
            if word.space_before {
                text.push(' ');
            }
            text.push_str(&word.text);
        }
        text
    }
}

/// All text of one page, in reading order.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct PageText {
    /// Lines in reading order.
    pub lines: Vec<Line>,
    /// How the page must be turned to be upright.
    pub turn: Turn,
    /// Degrees by which the lines of the upright page fall to the right (negative: rise); `None`: not known,
    /// the words' boxes must tell.
    pub skew: Option<f64>,
    /// Mean confidence over characters, 0 to 100; 0 where there is no text.
    pub confidence: f32,
    /// No ink worth reading.
    pub blank: bool,
    /// Why there is no text although there may have been: code of the fault that cost the page its text.
    pub lost: Option<String>,
}

impl PageText {
    /// The text that rules may look at: everything but the machine's header line, a line each.
    pub fn body(&self) -> String {
        self.joined(|line| !line.header)
    }

    /// All text, a line each.
    pub fn all(&self) -> String {
        self.joined(|_| true)
    }

    fn joined(&self, keep: impl Fn(&Line) -> bool) -> String {
        let lines: Vec<String> = self.lines.iter().filter(|line| keep(line)).map(Line::text).collect();
        lines.join("\n")
    }
}
