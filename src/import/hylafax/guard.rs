//! [`Guard`]: when a branch is taken, in the terms of rules.

use crate::import::draft::Demands;
use crate::import::entry::{Field, both};
use crate::route::NumberPlan;

/// Most alternatives of one guard.
const MOST: usize = 1_000;

/// When a branch is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guard {
    /// For every fax.
    Always,
    /// For none.
    Never,
    /// Where one of these fits.
    Any(Vec<Demands>),
    /// Where none of these fits.
    None(Vec<Demands>),
}

impl Guard {
    /// A demand on one fact.
    pub(super) fn on(field: Field, entries: Vec<String>) -> Self {
        Self::Any(vec![Demands::from([(field, entries)])])
    }

    pub(super) fn is_fixed(&self) -> bool {
        matches!(self, Self::Always | Self::Never)
    }

    pub(super) fn of(always: bool) -> Self {
        if always { Self::Always } else { Self::Never }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Any(list) => Self::None(list),
            Self::None(list) => Self::Any(list),
        }
    }

    pub(super) fn and(self, other: Self, plan: &NumberPlan) -> Result<Self, String> {
        Ok(match (self, other) {
            (Self::Always, one) | (one, Self::Always) => one,
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Any(mine), Self::Any(theirs)) => {
                let all = product(&mine, &theirs, plan)?;
                if all.is_empty() { Self::Never } else { Self::Any(all) }
            }
            (Self::None(mine), Self::None(theirs)) => Self::None(together(mine, theirs)?),
            _ => return Err("it wants one thing to fit and another not to".into()),
        })
    }

    pub(super) fn or(self, other: Self, plan: &NumberPlan) -> Result<Self, String> {
        Ok(self.not().and(other.not(), plan)?.not())
    }
}

fn together(mut mine: Vec<Demands>, theirs: Vec<Demands>) -> Result<Vec<Demands>, String> {
    mine.extend(theirs);
    if mine.len() > MOST { Err(format!("it has more than {MOST} alternatives")) } else { Ok(mine) }
}

fn product(mine: &[Demands], theirs: &[Demands], plan: &NumberPlan) -> Result<Vec<Demands>, String> {
    if mine.len() * theirs.len() > MOST {
        return Err(format!("it has more than {MOST} alternatives"));
    }
    let mut all = Vec::new();
    for my in mine {
        for their in theirs {
            all.extend(joined(my, their, plan)?);
        }
    }
    Ok(all)
}

/// Both at once; `None`: no fax fits both.
pub(super) fn joined(mine: &Demands, theirs: &Demands, plan: &NumberPlan) -> Result<Option<Demands>, String> {
    let mut joined = mine.clone();
    for (field, entries) in theirs {
        let kept = match joined.get(field) {
            Some(already) => both(*field, already, entries, plan)?,
            None => Some(entries.clone()),
        };
        match kept {
            Some(kept) => joined.insert(*field, kept),
            None => return Ok(None),
        };
    }
    Ok(Some(joined))
}
