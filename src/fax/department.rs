//! Who gets faxes.

use super::{Millis, Target};

/// Language of mails to a department.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Traditional Chinese.
    ZhHant,
}

/// A department: the unit that rules name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Department {
    /// Short name, as rules write it.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Where its faxes go; at least one.
    pub targets: Vec<Target>,
    /// Language of subject and body.
    pub language: Language,
    /// A wrong fax here does harm: rules on TSI alone are warned of.
    pub sensitive: bool,
    /// How its mails look.
    #[serde(default)]
    pub mail: MailStyle,
}

impl Department {
    /// Its mails are encrypted.
    pub fn encrypts(&self) -> bool {
        !self.mail.certificates.is_empty()
    }
}

/// How a department's mails look, and what is done when one is too large for its way.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct MailStyle {
    /// Template of the subject; `None`: the language's own.
    pub subject: Option<String>,
    /// Template of the PDF's name, without `.pdf`; `None`: date, number, pages, reference.
    pub file_name: Option<String>,
    /// Longest mail, bytes as they travel; `None`: what the relay takes.
    pub largest: Option<u64>,
    /// What is tried in turn when a mail is too large.
    pub oversize: Vec<Oversize>,
    /// Whom its mails are encrypted for (S/MIME); empty: they are not.
    pub certificates: Vec<Certificate>,
    /// The first page stands in the mail.
    pub first_page: bool,
}

impl Default for MailStyle {
    fn default() -> Self {
        Self {
            subject: None,
            file_name: None,
            largest: None,
            oversize: vec![Oversize::Smaller, Oversize::Parts, Oversize::Link],
            certificates: Vec::new(),
            first_page: true,
        }
    }
}

/// What is done with a mail that is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oversize {
    /// The same pages, coded smaller without loss (JBIG2), without enhanced copies.
    Smaller,
    /// Several mails, each with a whole PDF of some pages.
    Parts,
    /// A signed link in place of the PDF.
    Link,
}

/// An X.509 certificate with an RSA key that mails are encrypted for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Certificate {
    /// The certificate (RFC 5280), DER.
    pub der: Vec<u8>,
    /// Whose it is, for people.
    pub subject: String,
    /// When it ceases to be valid. It is used even then: only its owner can read what it locks.
    pub expires_at: Millis,
}
