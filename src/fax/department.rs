//! Who gets faxes.

use super::Target;

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
}
