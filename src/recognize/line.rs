//! Lines of words as an engine gave them, in pixels of the private copy: what [`super::layout`] makes a page of.

use super::layout;

/// A word as the engine gave it, in pixels of the copy.
#[derive(Debug, Clone, PartialEq)]
pub struct RawWord {
    pub text: String,
    pub left: i32,
    pub top: i32,
    pub right: i32,
    pub bottom: i32,
    pub confidence: f32,
    /// The engine's line text has a blank before it.
    pub blank_before: bool,
}

/// A line as the engine gave it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawLine {
    pub words: Vec<RawWord>,
    /// Chinese set downwards: the words follow each other from top to bottom.
    pub vertical: bool,
}

impl RawLine {
    /// Several lines as one: what the engine makes of a single line may fall apart.
    pub fn joined(lines: Vec<Self>) -> Self {
        let mut words = Vec::new();
        for (at, line) in lines.into_iter().enumerate() {
            let before = words.len();
            words.extend(line.words);
            if let (true, Some(first)) = (at > 0, words.get_mut(before)) {
                let first: &mut RawWord = first;
                first.blank_before = true;
            }
        }
        Self { words, vertical: false }
    }

    /// Characters in it.
    pub fn chars(&self) -> usize {
        self.words.iter().map(|word| word.text.chars().count()).sum()
    }

    /// Mean over characters, 0 to 100.
    pub fn confidence(&self) -> f32 {
        let sum: f32 = self.words.iter().map(|word| word.confidence * word.text.chars().count() as f32).sum();
        sum / self.chars().max(1) as f32
    }

    /// Confidence of the weakest word; single marks do not count.
    pub fn weakest(&self) -> f32 {
        let is_word = |word: &&RawWord| word.text.chars().filter(|c| c.is_alphanumeric()).count() >= 2;
        self.words.iter().filter(is_word).map(|word| word.confidence).fold(100.0, f32::min)
    }

    /// A Han character stands in it.
    pub fn has_han(&self) -> bool {
        self.words.iter().any(|word| word.text.chars().any(layout::is_han))
    }

    /// Around all words.
    pub fn bounds(&self) -> Region {
        let left = self.words.iter().map(|word| word.left).min().unwrap_or(0);
        let top = self.words.iter().map(|word| word.top).min().unwrap_or(0);
        let right = self.words.iter().map(|word| word.right).max().unwrap_or(0);
        let bottom = self.words.iter().map(|word| word.bottom).max().unwrap_or(0);
        Region { left, top, width: right - left, height: bottom - top }
    }
}

/// Characters in all lines.
pub fn chars(lines: &[RawLine]) -> usize {
    lines.iter().map(RawLine::chars).sum()
}

/// Mean over the characters of all lines, 0 to 100; 0 without any.
pub fn confidence(lines: &[RawLine]) -> f32 {
    let sum: f32 = lines.iter().map(|line| line.confidence() * line.chars() as f32).sum();
    sum / chars(lines).max(1) as f32
}

/// A rectangle of the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    pub left: i32,
    pub top: i32,
    pub width: i32,
    pub height: i32,
}
