//! English words that are none, mended: the network reads letters, and a dictionary knows words.
//!
//! A word is mended only where the network itself hesitated: "oftice" becomes "office" if f was the second best
//! reading of the t. Names, references and whatever else no dictionary knows stay as they were read.

use super::ctc::Glyph;

/// Shorter words are names and abbreviations as often as not.
const SHORTEST: usize = 4;
/// A rival less likely than this, against what was read, is no reading of the letter.
const LIKELY: f32 = 0.002;
/// So many of a word's letters are tried, those with the strongest rivals.
const MOST_TRIED: usize = 6;

/// The letters of a word that may be misspelt: long enough, of letters alone but for marks around them, and with
/// a letter over which the network hesitated.
pub fn doubtful(glyphs: &mut [Glyph], char: impl Fn(usize) -> char) -> Option<&mut [Glyph]> {
    let letter = |glyph: &Glyph| char(glyph.class).is_ascii_alphabetic();
    let first = glyphs.iter().position(letter)?;
    let last = glyphs.iter().rposition(letter)?;
    let word = glyphs.get_mut(first..=last)?;
    let hesitant = |glyph: &Glyph| glyph.rival.is_some_and(|(_, likely)| likely >= LIKELY);
    (word.len() >= SHORTEST && word.iter().all(letter) && word.iter().any(hesitant)).then_some(word)
}

/// Mends one word. `char` tells a class's character, `knows` whether there is such a word.
pub fn mend(word: &mut [Glyph], char: impl Fn(usize) -> char, knows: impl Fn(&str) -> bool) {
    let text = |classes: &[usize]| classes.iter().map(|class| char(*class)).collect::<String>();
    let classes: Vec<usize> = word.iter().map(|glyph| glyph.class).collect();
    if knows(&text(&classes)) {
        return;
    }
    let mut rivals: Vec<(usize, usize, f32)> = word
        .iter()
        .enumerate()
        .filter_map(|(at, glyph)| glyph.rival.map(|(class, likely)| (at, class, likely)))
        .filter(|(_, class, likely)| *likely >= LIKELY && char(*class).is_ascii_alphabetic())
        .collect();
    rivals.sort_by(|a, b| b.2.total_cmp(&a.2));
    rivals.truncate(MOST_TRIED);
    for change in changes(&rivals) {
        let mut mended = classes.clone();
        change.iter().for_each(|(at, class, _)| mended[*at] = *class);
        if knows(&text(&mended)) {
            change.iter().for_each(|(at, class, _)| word[*at].class = *class);
            return;
        }
    }
}

/// One letter, then two, the likeliest first.
fn changes(rivals: &[(usize, usize, f32)]) -> Vec<Vec<(usize, usize, f32)>> {
    let mut changes: Vec<Vec<_>> = rivals.iter().map(|one| vec![*one]).collect();
    for (at, one) in rivals.iter().enumerate() {
        changes.extend(rivals.iter().skip(at + 1).map(|other| vec![*one, *other]));
    }
    let likely =
        |change: &Vec<(usize, usize, f32)>| change.iter().map(|(_, _, likely)| likely).product::<f32>();
    changes.sort_by(|a, b| likely(b).total_cmp(&likely(a)));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(word: &str, rivals: &[(usize, char, f32)]) -> String {
        let mut glyphs: Vec<Glyph> = word
            .chars()
            .map(|c| Glyph { class: c as usize, at: 0.0, confidence: 0.9, rival: None })
            .collect();
        for (at, c, likely) in rivals {
            glyphs[*at].rival = Some((*c as usize, *likely));
        }
        let char = |class: usize| u32::try_from(class).ok().and_then(char::from_u32).unwrap_or('?');
        let Some(letters) = doubtful(&mut glyphs, char) else { return word.to_owned() };
        mend(letters, char, |word| ["office", "confidential", "letter"].contains(&word));
        glyphs.iter().map(|glyph| char(glyph.class)).collect()
    }

    #[test]
    fn a_hesitation_that_makes_a_word_is_mended() {
        assert_eq!(mended("oftice,", &[(2, 'f', 0.2), (0, 'c', 0.3)]), "office,");
        assert_eq!(mended("contidentiai", &[(3, 'f', 0.2), (11, 'l', 0.1)]), "confidential");
    }

    #[test]
    fn what_the_network_was_sure_of_stays() {
        assert_eq!(mended("oftice", &[(2, 'f', 0.0001)]), "oftice");
        assert_eq!(mended("oftice", &[]), "oftice");
        assert_eq!(mended("Wong", &[(0, 'v', 0.9)]), "Wong");
        assert_eq!(mended("A1-office7x", &[(9, 'f', 0.9)]), "A1-office7x");
        assert_eq!(mended("letter", &[(0, 'b', 0.9)]), "letter");
        assert_eq!(mended("", &[]), "");
    }
}
