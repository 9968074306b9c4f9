//! [`Twin`]: whether a fax was here before, as a rule asks it.

use super::pattern::PatternError;
use crate::fax::Kin;

/// An entry of `duplicate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twin {
    /// Nothing of it was here before.
    No,
    /// All or part of it was here before. A second document of one call is none.
    Any,
    /// It is kin to an earlier one in just this way.
    Is(Kin),
}

const NAMED: &[(&str, Kin)] = &[
    ("retransmission", Kin::Retransmission),
    ("completes-earlier", Kin::CompletesEarlier),
    ("part-of-earlier", Kin::PartOfEarlier),
    ("same-call", Kin::SameCall),
];

impl Twin {
    /// Understands the name of a kinship.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let wanted = text.trim().replace('_', "-");
        NAMED.iter().find(|(name, _)| *name == wanted).map(|(_, kin)| Self::Is(*kin)).ok_or_else(|| {
            let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
            PatternError::whole(text, format!("expected true, false or one of: {}", names.join(", ")))
        })
    }

    /// The entry as a rule writes it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::No => "false",
            Self::Any => "true",
            Self::Is(kin) => NAMED.iter().find(|(_, one)| one == kin).map_or("", |(name, _)| *name),
        }
    }

    pub(super) fn fits(self, kin: &[Kin]) -> bool {
        let before = kin.iter().any(|kin| *kin != Kin::SameCall);
        match self {
            Self::No => !before,
            Self::Any => before,
            Self::Is(wanted) => kin.contains(&wanted),
        }
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        self == other || *self == Self::Any && matches!(other, Self::Is(kin) if *kin != Kin::SameCall)
    }
}
