//! The characters that the network knows, and how readily each is believed on a fax to a Hong Kong office.
//!
//! The network was trained on many languages and chooses among 18,708 characters; on coarse pixels it likes to
//! read 来 for 來, é for e, · for a colon. Which characters belong to the languages read here is an encoding's
//! knowledge: Big5 with its supplement HKSCS, as the WHATWG Encoding Standard defines it. What stands
//! outside must be seen the more plainly: its likelihood is made smaller by a [weight](Alphabet::weights). Nothing is forbidden: a
//! page that plainly is in simplified Chinese is read as such.

use std::collections::HashSet;

use encoding_rs::BIG5;

use super::super::layout::is_han;

/// Doubts are natural logarithms: a doubt of 2 makes a character 7 times less likely. This one is for Han characters outside Big5 and HKSCS: simplified forms, mostly.
/// Measured on standard pages: errors in Chinese 1.5 % without doubts, 0.9 % with half of these, 0.8 % with these.
const FOREIGN_HAN: f32 = 6.0;
/// … of Han characters that only HKSCS has: Cantonese is written with them, but they are rare.
const HONG_KONG_HAN: f32 = 2.0;
/// … of letters of other alphabets and with marks.
const FOREIGN_LETTER: f32 = 6.0;
/// … of marks that specks look like.
const SPECK_LIKE: f32 = 4.0;

/// Marks and signs that letters and forms of both languages use.
const USUAL_MARKS: &str =
    "£€§°±×÷½¼¾®©–—‘’“”…、。「」『』《》〈〉【】〔〕（）：；，！？％＄／～─—●○◎■△▲☆★※→←↑↓℃№✓√";
/// Marks that are usual too, but that specks look like.
const SPECKS: &str = "·•□☐";

/// The network's classes: class 0 says that nothing stands here, the last is the blank.
pub struct Alphabet {
    chars: Vec<char>,
    weights: Vec<f32>,
    simplified: Vec<bool>,
}

impl Alphabet {
    /// From the model's own list, a character a line, in the order of classes from 1.
    pub fn parse(list: &str) -> Option<Self> {
        let mut chars = vec!['\0'];
        for line in list.lines() {
            let mut of_line = line.chars();
            chars.push(of_line.next()?);
            // A few entries are a character with a mark after it; the mark is left out.
        }
        chars.push(' ');
        let supplement = supplement();
        let weights = chars.iter().map(|&c| (-doubt(c, &supplement)).exp()).collect();
        let simplified = chars.iter().map(|&c| is_han(c) && doubt(c, &supplement) >= FOREIGN_HAN).collect();
        Some(Self { chars, weights, simplified })
    }

    /// How many classes there are.
    pub fn len(&self) -> usize {
        self.chars.len()
    }

    /// The character of a class.
    pub fn char(&self, class: usize) -> char {
        self.chars.get(class).copied().unwrap_or('\u{fffd}')
    }

    /// By how much each class is believed, 1 for what is usual here.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The class is a Han character that Hong Kong's encodings do not have.
    pub fn is_simplified(&self, class: usize) -> bool {
        self.simplified.get(class).copied().unwrap_or(false)
    }
}

fn doubt(c: char, supplement: &HashSet<char>) -> f32 {
    if c == '\0' || c == ' ' || c.is_ascii_graphic() || USUAL_MARKS.contains(c) {
        0.0
    } else if SPECKS.contains(c) {
        SPECK_LIKE
    } else if !is_han(c) {
        FOREIGN_LETTER
    } else if in_big5(c) {
        0.0
    } else if supplement.contains(&c) {
        HONG_KONG_HAN
    } else {
        FOREIGN_HAN
    }
}

/// Big5 proper: lead bytes A4 to C6 (5,401 common characters) and C9 to F9 (7,652 rarer ones).
fn in_big5(c: char) -> bool {
    let mut text = [0; 4];
    let (bytes, _, unmappable) = BIG5.encode(c.encode_utf8(&mut text));
    !unmappable && matches!(bytes.first(), Some(0xa4..=0xc6 | 0xc9..=0xf9))
}

/// All that Big5's decoder can yield: HKSCS is decoded but never encoded (WHATWG Encoding Standard §11.1).
fn supplement() -> HashSet<char> {
    let mut found = HashSet::new();
    for lead in 0x87..=0xfe {
        for trail in (0x40..=0x7e).chain(0xa1..=0xfe) {
            let bytes = [lead, trail];
            let (text, _) = BIG5.decode_without_bom_handling(&bytes);
            found.extend(text.chars());
        }
    }
    found.remove(&'\u{fffd}');
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_hong_kong_are_believed_and_others_doubted() {
        let supplement = supplement();
        for c in ['來', '傳', '總', 'A', '7', '：', ' ', '$'] {
            assert_eq!(doubt(c, &supplement), 0.0, "{c}");
        }
        for c in ['嘅', '咗', '邨', '𨋢'] {
            assert_eq!(doubt(c, &supplement), HONG_KONG_HAN, "{c}");
        }
        for c in ['缴', '来', 'é', 'ł', 'か'] {
            assert_eq!(doubt(c, &supplement), FOREIGN_HAN, "{c}");
        }
        assert_eq!(doubt('·', &supplement), SPECK_LIKE);
    }

    #[test]
    fn classes_stand_between_nothing_and_blank() {
        let alphabet = Alphabet::parse("a\n来\n").expect("two lines are a list");
        assert_eq!(alphabet.len(), 4);
        assert_eq!(alphabet.char(1), 'a');
        assert!(alphabet.is_simplified(2) && !alphabet.is_simplified(1));
        assert_eq!(alphabet.char(3), ' ');
        assert_eq!(alphabet.char(9), '\u{fffd}');
    }
}
