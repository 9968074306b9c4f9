//! Text as errors are counted in: what no reader would call an error is made equal first.
//!
//! Unicode NFKC (full-width forms, ligatures); quotation marks and dashes of all shapes unified; blanks run together.
//! Chinese and mixed text is compared without blanks, and with the variants in [`VARIANTS`] taken for one character:
//! fonts of different places print one for the other.

use unicode_normalization::UnicodeNormalization;

use super::truth::Language;

/// Variant characters and what they are compared as.
pub const VARIANTS: [(char, char); 14] = [
    ('爲', '為'),
    ('衆', '眾'),
    ('裏', '裡'),
    ('綫', '線'),
    ('峯', '峰'),
    ('牀', '床'),
    ('羣', '群'),
    ('啓', '啟'),
    ('麪', '麵'),
    ('台', '臺'),
    ('户', '戶'),
    ('内', '內'),
    ('説', '說'),
    ('温', '溫'),
];

/// Text as characters are counted in.
pub fn folded(text: &str, language: Language) -> String {
    let unified = unified(text, language);
    match language {
        Language::En => unified.split_whitespace().collect::<Vec<_>>().join(" "),
        Language::Zh | Language::Mix => unified.chars().filter(|c| !c.is_whitespace()).collect(),
    }
}

/// Words as word errors are counted in: what stands between blanks. In mixed text each Chinese character is a word
/// of its own, since blanks beside it say nothing.
pub fn words(text: &str, language: Language) -> Vec<String> {
    let mut spaced = String::new();
    for c in unified(text, language).chars() {
        if language != Language::En && is_han(c) {
            spaced.extend([' ', c, ' ']);
        } else {
            spaced.push(c);
        }
    }
    spaced.split_whitespace().map(str::to_owned).collect()
}

fn unified(text: &str, language: Language) -> String {
    let variants = language != Language::En;
    text.nfkc().map(mark).map(|c| if variants { variant(c) } else { c }).collect()
}

fn mark(c: char) -> char {
    match c {
        '—' | '–' | '‐' | '‑' | '―' | '−' => '-',
        '“' | '”' | '「' | '」' | '『' | '』' => '"',
        '‘' | '’' => '\'',
        other => other,
    }
}

fn variant(c: char) -> char {
    VARIANTS.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to)
}

/// Unified ideographs (all planes), compatibility ideographs, Chinese punctuation.
fn is_han(c: char) -> bool {
    matches!(c, '\u{3001}'..='\u{303f}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_keeps_one_blank_and_chinese_none() {
        assert_eq!(folded("  Dear\u{3000}Mr  Chan ", Language::En), "Dear Mr Chan");
        assert_eq!(folded("香港 中環 Tel. No.", Language::Mix), "香港中環Tel.No.");
    }

    #[test]
    fn shapes_of_one_mark_are_one() {
        assert_eq!(folded("“it’s” 2–3—４（五）", Language::En), "\"it's\" 2-3-4(五)");
        assert_eq!(folded("「爲衆」", Language::Zh), "\"為眾\"");
        assert_eq!(folded("爲", Language::En), "爲");
    }

    #[test]
    fn a_chinese_character_in_mixed_text_is_a_word() {
        assert_eq!(words("電話Tel. No.", Language::Mix), ["電", "話", "Tel.", "No."]);
        assert_eq!(words("it is", Language::En), ["it", "is"]);
    }

    #[test]
    fn no_variant_is_compared_as_another_variant() {
        assert!(VARIANTS.iter().all(|(from, to)| variant(*to) == *to && from != to));
    }
}
