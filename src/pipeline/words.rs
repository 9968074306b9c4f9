//! What is a word when people look for a fax, and the index that older faxes still need.
//!
//! Text is folded as rules fold it, so that a search finds what a rule finds. Between marks and blanks stand words; Chinese,
//! which has none, is cut into pairs of neighbouring characters, each with the first of the next: 牌照申請 is 牌照, 照申, 申請, 請. Most
//! Chinese words have two characters, so that an index of three (SQLite's own `trigram`) would not find them.

use std::sync::LazyLock;

use tokio_util::sync::CancellationToken;

use super::PageRecord;
use crate::fax::{Fault, FaxId, PageText, Sha256};
use crate::route::folded;
use crate::store::{Fax, Store, Words};

/// Stands in folded text where a line ended in a hyphen.
const BROKEN: char = '\u{ad}';

/// Says how words are made: changes with the folding, so that an index made by another one is made anew.
static RECIPE: LazyLock<String> = LazyLock::new(|| {
    // Forms that folding is about; where they come out otherwise, the index is another.
    const PROBE: &str =
        "衞衛爲為台臺裏裡线線门門国國ＡＢｃ①㎡ｱ“x”—Environ-\nmental chan tai-\nman é 牌照2026/請";
    let digest = Sha256::of(cut(PROBE).join(" ").as_bytes()).to_string();
    format!("pairs-1 {}", digest.get(..16).unwrap_or(&digest))
});

/// Everything of a fax that people look for: what stands on its pages, and what was said of the call.
pub fn of(fax: &Fax, texts: &[PageText]) -> Words {
    let call = &fax.call;
    let said = [
        call.tsi.as_ref().map(|tsi| tsi.0.clone()),
        call.caller_name.as_ref().map(|name| name.0.clone()),
        call.caller.as_ref().map(|number| number.0.clone()),
        call.did.as_ref().map(|number| number.0.clone()),
        call.subaddress.clone(),
        Some(fax.arrival.file_name.clone()),
    ];
    let pages = texts.iter().map(PageText::all);
    let words: Vec<String> = pages.chain(said.into_iter().flatten()).flat_map(|text| cut(&text)).collect();
    Words { recipe: RECIPE.clone(), text: words.join(" ") }
}

/// The expression that finds faxes in which each of `phrases` stands, its words one after the other. `licen*` finds words
/// that begin so. `None`: there is no word in any.
pub fn sought(phrases: &[String]) -> Option<String> {
    let mut terms = Vec::new();
    for phrase in phrases {
        let open = phrase.trim_end().ends_with('*');
        let mut words = cut(phrase);
        let single = words.last().is_some_and(|last| is_han_word(last));
        // The last character alone begins a pair where the text goes on.
        let prefix = match (
            single,
            words.len() > 1 && words.iter().rev().nth(1).is_some_and(|word| is_han_word(word)),
        ) {
            (true, true) => {
                words.pop();
                false
            }
            (true, false) => true,
            (false, _) => open,
        };
        if !words.is_empty() {
            terms.push(format!("\"{}\"{}", words.join(" "), if prefix { "*" } else { "" }));
        }
    }
    (!terms.is_empty()).then(|| terms.join(" AND "))
}

/// Words of a text in their order.
fn cut(text: &str) -> Vec<String> {
    let folded = folded(text);
    let mut words = Vec::new();
    let mut word = String::new();
    let mut broken = false;
    let mut chars = folded.chars().peekable();
    while let Some(c) = chars.next() {
        if is_han(c) {
            finish(&mut word, &mut broken, &mut words);
            let mut pair = String::from(c);
            pair.extend(chars.peek().copied().filter(|next| is_han(*next)));
            words.push(pair);
        } else if c.is_alphanumeric() {
            word.push(c);
        } else if c == BROKEN && !word.is_empty() {
            word.push(c);
            broken = true;
        } else {
            finish(&mut word, &mut broken, &mut words);
        }
    }
    finish(&mut word, &mut broken, &mut words);
    words
}

/// A word that was broken at the end of a line is one word, and is two.
fn finish(word: &mut String, broken: &mut bool, words: &mut Vec<String>) {
    if *broken {
        words.push(word.replace(BROKEN, ""));
        words.extend(word.split(BROKEN).filter(|part| !part.is_empty()).map(str::to_owned));
    } else if !word.is_empty() {
        words.push(std::mem::take(word));
    }
    word.clear();
    *broken = false;
}

/// Written without blanks: ideographs, kana, bopomofo.
fn is_han(c: char) -> bool {
    c.is_alphanumeric()
        && matches!(c, '\u{2e80}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}' | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_han_word(word: &str) -> bool {
    word.chars().next().is_some_and(is_han)
}

/// Of a text, the first line that holds some of what is sought, else its first; with the number of that line's page.
pub fn snippet(texts: &[PageText], phrases: &[String]) -> Option<(usize, String)> {
    let wanted: Vec<String> = phrases.iter().map(|phrase| folded(phrase.trim_matches('*'))).collect();
    let parts: Vec<&str> =
        wanted.iter().flat_map(|phrase| phrase.split(' ')).filter(|part| !part.is_empty()).collect();
    let lines = || {
        let numbered = texts.iter().zip(1..);
        numbered.flat_map(|(text, page)| text.lines.iter().map(move |line| (page, line.text())))
    };
    let holds = |words: &[&str]| {
        lines().find(|(_, line)| {
            let line = folded(line);
            words.iter().any(|word| line.contains(word))
        })
    };
    let whole: Vec<&str> = wanted.iter().map(String::as_str).filter(|phrase| !phrase.is_empty()).collect();
    holds(&whole).or_else(|| holds(&parts)).or_else(|| lines().next())
}

/// Faxes that are indexed in one transaction.
const BATCH: u32 = 50;

/// Indexes faxes that were received before there was an index, or by another recipe. What fails is left for the next start.
pub async fn index_old(store: Store, stop: CancellationToken) {
    tokio::select! {
        done = index_missing(&store) => match done {
            Ok(0) => {}
            Ok(faxes) => tracing::info!(faxes, "older faxes can be searched now"),
            Err(fault) => tracing::warn!(code = fault.code, detail = fault.detail, "not all older faxes can be searched"),
        },
        () = stop.cancelled() => {}
    }
}

/// Indexes every fax that needs it; how many did.
pub async fn index_missing(store: &Store) -> Result<u64, Fault> {
    let mut last: Option<FaxId> = None;
    let mut done = 0;
    loop {
        let ids = store.unindexed(&RECIPE, last.as_ref(), BATCH).await?;
        let Some(end) = ids.last().cloned() else { return Ok(done) };
        let mut batch = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(fax) = store.fax(&id).await? else { continue };
            let pages = store.pages::<PageRecord>(&id).await?;
            let texts: Vec<PageText> = pages.into_iter().map(|page| page.transcript.text).collect();
            batch.push((id, of(&fax, &texts)));
        }
        store.index(&batch).await?;
        done += batch.len() as u64;
        last = Some(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_pairs() {
        for (text, words) in [
            ("Liquor-Licence No. LD/2026", "liquor licence no ld 2026"),
            ("牌照申請", "牌照 照申 申請 請"),
            ("ＡＢ座 3 樓", "ab 座 3 樓"),
            ("牌\n照", "牌照 照"),
            ("Environ-\nmental Hygiene", "environmental environ mental hygiene"),
            ("「照」", "照"),
            ("\u{1b}[31m\"x\"*", "31m x"),
        ] {
            assert_eq!(cut(text).join(" "), words, "{text}");
        }
    }

    #[test]
    fn expressions_hold_words_alone() {
        let sought =
            |phrases: &[&str]| sought(&phrases.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        assert_eq!(sought(&["liquor licence", "renew*"]).unwrap(), "\"liquor licence\" AND \"renew\"*");
        assert_eq!(sought(&["牌照申請"]).unwrap(), "\"牌照 照申 申請\"");
        assert_eq!(sought(&["照"]).unwrap(), "\"照\"*");
        assert_eq!(sought(&["牌照2"]).unwrap(), "\"牌照 照 2\"");
        assert_eq!(sought(&["x\" OR body:y NEAR("]).unwrap(), "\"x or body y near\"");
        assert_eq!(sought(&["\"", "--", "*"]), None);
    }
}
