//! [`Directory`]: who gets faxes and how, as it is in force at this moment; and what people may call a department.

use std::sync::Arc;

use super::Settings;
use crate::fax::{Department, Target};

/// Who gets faxes and how. Pages and replies look at it anew each time, so that a reload counts at once.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Departments, in the order of the file.
    pub departments: Vec<Department>,
    /// Mail: sender, host name, fallback inbox.
    pub mail: Settings,
}

/// Gives the directory in force.
pub type InForce = Arc<dyn Fn() -> Arc<Directory> + Send + Sync>;

/// What a person's word stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// This department alone.
    One(&'a Department),
    /// More than one department is called so.
    Several,
    /// No department is called so.
    None,
}

/// A part of a name in one script stands for the department if it has so many letters: the "2" of "2樓辦事處" is no name.
const LATIN_LEAST: usize = 3;
const HAN_LEAST: usize = 2;

/// Words before a department's name that people write by habit.
const LEAD_INS: [&str; 12] = [
    "please pass on to",
    "please forward to",
    "pass this on to",
    "pass on to",
    "forward to",
    "to:",
    "to",
    "請轉交",
    "請轉",
    "轉交",
    "轉",
    "致",
];

impl Directory {
    /// The department of that id.
    pub fn department(&self, id: &str) -> Option<&Department> {
        self.departments.iter().find(|department| department.id == id)
    }

    /// Ids of the departments whose mails are encrypted.
    pub fn sealed(&self) -> Vec<String> {
        self.departments.iter().filter(|one| one.encrypts()).map(|one| one.id.clone()).collect()
    }

    /// The department that a person means: its id, its whole name, or the Latin or the Chinese part of a name in both
    /// languages; case, blanks and a full stop at the end do not matter. Nothing is guessed: a word that is only like
    /// a name means nothing.
    pub fn named(&self, said: &str) -> Named<'_> {
        let said = plain(said);
        let rest = LEAD_INS.iter().find_map(|lead| {
            let rest = said.strip_prefix(lead)?;
            // "to" is a word of its own, and not the beginning of "tourism".
            let ends = !lead.ends_with(|c: char| c.is_ascii_alphanumeric())
                || rest.starts_with(|c: char| !c.is_alphanumeric());
            ends.then(|| plain(rest))
        });
        // A department may be called "To Kwa Wan Office": the words as they stand come first.
        match (self.called(&said), rest) {
            (Named::None, Some(rest)) => self.called(&rest),
            (found, _) => found,
        }
    }

    fn called(&self, said: &str) -> Named<'_> {
        if said.is_empty() {
            return Named::None;
        }
        if let Some(department) = self.departments.iter().find(|one| plain(&one.id) == said) {
            return Named::One(department);
        }
        let mut fits = self.departments.iter().filter(|one| names(one).iter().any(|name| *name == said));
        match (fits.next(), fits.next()) {
            (Some(one), None) => Named::One(one),
            (Some(_), Some(_)) => Named::Several,
            (None, _) => Named::None,
        }
    }

    /// A department's mail addresses, for people to read; its Maildir where it has no other.
    pub fn addresses(&self, id: &str) -> String {
        let targets = match self.department(id) {
            Some(department) => department.targets.as_slice(),
            None => std::slice::from_ref(&self.mail.fallback),
        };
        let mails: Vec<String> = targets
            .iter()
            .filter_map(|target| match target {
                Target::Mail(address) => Some(address.clone()),
                _ => None,
            })
            .collect();
        if mails.is_empty() { id.to_owned() } else { mails.join(", ") }
    }
}

/// All that a department is called: its name, and each script's part of it.
fn names(department: &Department) -> Vec<String> {
    let whole = plain(&department.name);
    let part = |keep: fn(char) -> bool| {
        let text: String =
            department.name.chars().map(|c| if keep(c) || c == ' ' { c } else { ' ' }).collect();
        plain(&text)
    };
    let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
    let latin = Some(part(|c| c.is_ascii())).filter(|name| letters(name) >= LATIN_LEAST);
    let other = Some(part(|c| !c.is_ascii())).filter(|name| letters(name) >= HAN_LEAST);
    [Some(whole), latin, other].into_iter().flatten().filter(|name| !name.is_empty()).collect()
}

/// One line in lower case without punctuation at its ends.
fn plain(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let edge = |c: char| c.is_whitespace() || ".,;:!\"'。，；：！「」、*_".contains(c);
    words.join(" ").trim_matches(edge).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn department(id: &str, name: &str) -> Department {
        let json = serde_json::json!({
            "id": id, "name": name, "targets": [{"mail": format!("{id}@harbour.example")}],
            "language": "en", "sensitive": false,
        });
        serde_json::from_value(json).unwrap()
    }

    fn directory() -> Directory {
        Directory {
            departments: vec![
                department("licensing", "Licensing Division 牌照科"),
                department("benefits", "Benefits Division 福利科"),
                department("tourism", "Tourism"),
                department("north", "District Office 民政處"),
                department("south", "District Office 民政處"),
                department("tkw", "To Kwa Wan Office"),
            ],
            mail: crate::deliver::links::tests_mail(),
        }
    }

    #[test]
    fn a_department_is_called_by_id_name_or_either_language() {
        let directory = directory();
        for (said, id) in [
            ("licensing", "licensing"),
            ("  LICENSING  division. ", "licensing"),
            ("Licensing Division 牌照科", "licensing"),
            ("牌照科", "licensing"),
            ("轉交：福利科", "benefits"),
            ("請轉福利科。", "benefits"),
            ("Please forward to Benefits Division", "benefits"),
            ("To: benefits", "benefits"),
            ("tourism", "tourism"),
            ("To Kwa Wan Office", "tkw"),
        ] {
            assert!(matches!(directory.named(said), Named::One(one) if one.id == id), "{said}");
        }
    }

    #[test]
    fn what_is_only_like_a_name_means_nobody() {
        let directory = directory();
        for said in ["", "  ", "licencing", "Licensing Division please", "urism", "to", "Division", "科"] {
            assert_eq!(directory.named(said), Named::None, "{said}");
        }
        assert_eq!(directory.named("District Office"), Named::Several);
    }

    #[test]
    fn a_scrap_of_a_name_is_no_name() {
        let mut directory = directory();
        directory.departments = vec![
            department("annex", "2樓辦事處"),
            department("stores", "A 組 Stores"),
            department("it", "IT 科"),
            department("fire", "消防處 FSD"),
        ];
        for said in ["2", "a", "組", "科", "it 2"] {
            assert_eq!(directory.named(said), Named::None, "{said}");
        }
        for (said, id) in
            [("2樓辦事處", "annex"), ("樓辦事處", "annex"), ("fsd", "fire"), ("消防處", "fire"), ("IT", "it")]
        {
            assert!(matches!(directory.named(said), Named::One(one) if one.id == id), "{said}");
        }
    }
}
