//! [`Stage`]: how far a fax has come, and the whole table of what may follow what. Pure.

use std::fmt;
use std::str::FromStr;

/// A durable stage: what is known and safely stored when a fax stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The original and its call record are ours.
    Received,
    /// Each page's text is stored, or why it has none.
    Transcribed,
    /// The PDF is stored.
    Composed,
    /// Decided; a delivery for each address exists.
    Routed,
    /// Each delivery is final.
    Closed,
    /// Set aside with a reason; the fallback inbox is told.
    Quarantined,
    /// Thrown away by a person, with a reason. The original is kept.
    Discarded,
}

/// What happens to a fax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// All pages were read.
    Transcribe,
    /// The document was made.
    Compose,
    /// The rules decided.
    Route,
    /// The last delivery became final.
    Close,
    /// It cannot go on by itself.
    Quarantine,
    /// A person threw it away.
    Discard,
    /// A person sent it through once more from its original.
    Replay,
    /// Another delivery was made after the last one was final: a mail bounced, or a person passed the fax on.
    Reopen,
}

/// This step may not follow that stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fax that is {stage} cannot {step}")]
pub struct IllegalStep {
    /// Where the fax stands.
    pub stage: Stage,
    /// What was asked.
    pub step: Step,
}

impl Stage {
    /// Every stage, in the order of the journey.
    pub const ALL: [Self; 7] = [
        Self::Received,
        Self::Transcribed,
        Self::Composed,
        Self::Routed,
        Self::Closed,
        Self::Quarantined,
        Self::Discarded,
    ];

    /// The stage after `step`: the only place that knows what may follow what.
    pub fn after(self, step: Step) -> Result<Self, IllegalStep> {
        use Stage::*;
        match (self, step) {
            (Received, Step::Transcribe) => Ok(Transcribed),
            (Transcribed, Step::Compose) => Ok(Composed),
            (Composed, Step::Route) => Ok(Routed),
            (Routed, Step::Close) => Ok(Closed),
            (Closed, Step::Reopen) => Ok(Routed),
            (Received | Transcribed | Composed, Step::Quarantine) => Ok(Quarantined),
            (Received | Transcribed | Composed | Routed | Quarantined, Step::Discard) => Ok(Discarded),
            // Even from the stages of work: new models or a mended rule should not have to wait.
            (_, Step::Replay) => Ok(Received),
            (stage, step) => Err(IllegalStep { stage, step }),
        }
    }

    /// The runner has work to do on it (deliveries have their own rows).
    pub fn is_work(self) -> bool {
        matches!(self, Self::Received | Self::Transcribed | Self::Composed)
    }

    /// It is not yet where it belongs: work or deliveries are open.
    pub fn is_open(self) -> bool {
        self.is_work() || self == Self::Routed
    }

    /// The name in the store, in metrics and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Transcribed => "transcribed",
            Self::Composed => "composed",
            Self::Routed => "routed",
            Self::Closed => "closed",
            Self::Quarantined => "quarantined",
            Self::Discarded => "discarded",
        }
    }
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 8] = [
        Self::Transcribe,
        Self::Compose,
        Self::Route,
        Self::Close,
        Self::Quarantine,
        Self::Discard,
        Self::Replay,
        Self::Reopen,
    ];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transcribe => "be transcribed",
            Self::Compose => "be composed",
            Self::Route => "be routed",
            Self::Close => "be closed",
            Self::Quarantine => "be quarantined",
            Self::Discard => "be discarded",
            Self::Replay => "be replayed",
            Self::Reopen => "be opened again",
        })
    }
}

/// The text names no stage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no stage: expected received, transcribed, composed, routed, closed, quarantined or discarded"
)]
pub struct NotAStage(pub String);

impl FromStr for Stage {
    type Err = NotAStage;
    fn from_str(text: &str) -> Result<Self, NotAStage> {
        Self::ALL
            .into_iter()
            .find(|stage| stage.name() == text)
            .ok_or_else(|| NotAStage(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table: stage × step. What is not listed here must be refused.
    #[test]
    fn the_whole_transition_table() {
        let mut table = String::new();
        for stage in Stage::ALL {
            for step in Step::ALL {
                if let Ok(next) = stage.after(step) {
                    table.push_str(&format!("{stage} --{step:?}--> {next}\n"));
                }
            }
        }
        insta::assert_snapshot!(table, @r"
        received --Transcribe--> transcribed
        received --Quarantine--> quarantined
        received --Discard--> discarded
        received --Replay--> received
        transcribed --Compose--> composed
        transcribed --Quarantine--> quarantined
        transcribed --Discard--> discarded
        transcribed --Replay--> received
        composed --Route--> routed
        composed --Quarantine--> quarantined
        composed --Discard--> discarded
        composed --Replay--> received
        routed --Close--> closed
        routed --Discard--> discarded
        routed --Replay--> received
        closed --Replay--> received
        closed --Reopen--> routed
        quarantined --Discard--> discarded
        quarantined --Replay--> received
        discarded --Replay--> received
        ");
    }

    #[test]
    fn no_work_takes_a_fax_out_of_a_final_stage() {
        for stage in Stage::ALL.into_iter().filter(|stage| !stage.is_open()) {
            for step in [Step::Transcribe, Step::Compose, Step::Route, Step::Close, Step::Quarantine] {
                assert_eq!(stage.after(step), Err(IllegalStep { stage, step }));
            }
        }
    }

    #[test]
    fn names_read_back() {
        for stage in Stage::ALL {
            assert_eq!(stage.name().parse(), Ok(stage));
            assert_eq!(serde_json::to_value(stage).unwrap(), stage.name());
        }
        assert!("lost".parse::<Stage>().is_err());
    }
}
