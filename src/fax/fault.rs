//! [`Fault`]: what is stored and shown when something did not go well.

/// What the runner must do about an error. It knows nothing else of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Try again later: the world may have changed.
    Retry,
    /// Set the fax aside with its reason, and tell the fallback inbox, original attached.
    Quarantine,
    /// The request itself is wrong; nothing was changed.
    Refuse,
    /// The gateway cannot go on safely.
    Stop,
}

/// An error as an operator meets it. Each module's error enum becomes one of these at its edge.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("{operator} [{code}]")]
pub struct Fault {
    /// Stable code such as `decode.t4.no-pages` or `deliver.smtp.550`.
    pub code: String,
    /// What the runner does.
    pub disposition: Disposition,
    /// One sentence: who is at fault and what to do.
    pub operator: String,
    /// Detail for developers.
    pub detail: String,
}

impl Fault {
    /// A fault without further detail.
    pub fn new(code: impl Into<String>, disposition: Disposition, operator: impl Into<String>) -> Self {
        Self { code: code.into(), disposition, operator: operator.into(), detail: String::new() }
    }

    /// The same with detail for developers.
    pub fn with_detail(mut self, detail: impl ToString) -> Self {
        self.detail = detail.to_string();
        self
    }
}
