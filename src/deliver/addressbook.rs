//! The address book: names that a site gives to those who send it faxes.
//!
//! A name from here is the site's own word and is shown first. It says who *owns* a number, not who stood at
//! the machine: a caller number is the network's word, a station ID the sender's claim, and the mail says by
//! which of the two a sender was known.

use crate::fax::{CallRecord, Language, Number, one_line};

/// Digits at the end of two spellings of one number that are always the same.
const COMMON_DIGITS: usize = 6;

/// A sender whom the site knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSender {
    /// The name that people read.
    pub name: String,
    /// Telephone numbers, as the file spells them.
    pub numbers: Vec<String>,
    /// Station IDs, compared without case and blanks.
    pub stations: Vec<String>,
    /// The language that the sender mostly writes, for templates.
    pub language: Option<Language>,
}

/// By what a sender was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// The calling number, as the network gave it.
    Caller,
    /// The station ID, as the sender claims it.
    Station,
}

/// Everybody whom the site knows, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressBook(Vec<KnownSender>);

impl AddressBook {
    /// A book of these.
    pub fn new(senders: Vec<KnownSender>) -> Self {
        Self(senders)
    }

    /// The entries.
    pub fn senders(&self) -> &[KnownSender] {
        &self.0
    }

    /// Who sent it: by the calling number, else by the station ID. `same` tells whether a number that the book
    /// spells is the one of the call, under the site's number plan; it is asked only about likely ones.
    pub fn find(
        &self,
        call: &CallRecord,
        same: impl Fn(&str, &Number) -> bool,
    ) -> Option<(&KnownSender, KnownBy)> {
        let by_number = |number: &Number| {
            let end = ending(&number.0)?;
            let meant = |text: &String| ending(text).as_ref() == Some(&end) && same(text, number);
            self.0.iter().find(|sender| sender.numbers.iter().any(meant))
        };
        let caller = call.caller.as_ref().and_then(by_number);
        if let Some(sender) = caller {
            return Some((sender, KnownBy::Caller));
        }
        let station = &call.tsi.as_ref()?.0;
        let wanted = folded(station);
        let named = |sender: &&KnownSender| sender.stations.iter().any(|one| folded(one) == wanted);
        let found = self.0.iter().find(named).filter(|_| !wanted.is_empty());
        let number = || station.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c));
        let found = found.or_else(|| number().then(|| by_number(&Number(station.clone()))).flatten());
        found.map(|sender| (sender, KnownBy::Station))
    }
}

/// A station ID as it is compared: machines pad and shout.
pub fn folded(station: &str) -> String {
    one_line(station, usize::MAX).replace(' ', "").to_lowercase()
}

/// The last digits of a number; `None`: there are none.
fn ending(number: &str) -> Option<String> {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let from = digits.len().saturating_sub(COMMON_DIGITS);
    (!digits.is_empty()).then(|| digits[from..].iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::StationId;

    fn sender(name: &str, numbers: &[&str], stations: &[&str]) -> KnownSender {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        KnownSender { name: name.into(), numbers: owned(numbers), stations: owned(stations), language: None }
    }

    fn call(caller: &str, tsi: &str) -> CallRecord {
        let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        CallRecord {
            caller: known(caller).map(Number),
            tsi: known(tsi).map(StationId),
            ..CallRecord::default()
        }
    }

    #[test]
    fn a_sender_is_known_by_number_first_and_by_claim_second() {
        let book = AddressBook::new(vec![
            sender("Harbour Clinic", &["2810 1234"], &[]),
            sender("Ferry Office", &["2522 0000"], &["Ferry  Office"]),
        ]);
        let national = |text: &str| {
            let digits = Number(text.to_owned()).digits();
            digits.strip_prefix("852").filter(|rest| rest.len() == 8).map(str::to_owned).unwrap_or(digits)
        };
        let same = |text: &str, number: &Number| national(text) == national(&number.0);
        let found = |caller: &str, tsi: &str| {
            let call = call(caller, tsi);
            book.find(&call, same).map(|(sender, by)| (sender.name.clone(), by))
        };
        let clinic = |by| Some(("Harbour Clinic".to_owned(), by));
        let ferry = |by| Some(("Ferry Office".to_owned(), by));
        assert_eq!(found("+852 2810 1234", "FERRY OFFICE"), clinic(KnownBy::Caller));
        assert_eq!(found("", " FERRY OFFICE "), ferry(KnownBy::Station));
        assert_eq!(found("9999 9999", "+852 2522-0000"), ferry(KnownBy::Station));
        // The same last digits in another country are another number.
        assert_eq!(found("+86 10 2810 1234", ""), None);
        assert_eq!(found("", ""), None);
        assert_eq!(found("anonymous", "   "), None);
    }
}
