//! Every text of the rules that was ever in force, and when it was.

use serde_json::json;
use sqlx::Row;

use super::events::{self, kind};
use super::{Store, StoreError, Tx, rows};
use crate::fax::Millis;

/// Rules as somebody wrote them, with the departments beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesText {
    /// SHA-256 of `rules`, in hexadecimal digits.
    pub version: String,
    /// `rules.toml`.
    pub rules: String,
    /// `departments.toml` as it was when these rules were last used.
    pub departments: String,
}

/// One version, without its text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RulesVersion {
    /// SHA-256 of the text.
    pub version: String,
    /// Bytes of the text.
    pub bytes: u64,
    /// When it first came into force; `None`: never, a rollback put it away unused.
    pub first_used_at: Option<Millis>,
    /// When it last came into force.
    pub last_used_at: Option<Millis>,
    /// How often it came into force.
    pub uses: u64,
    /// It is the one that came into force last.
    pub in_force: bool,
}

/// How a version came into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The gateway started with it.
    Start,
    /// The gateway was told to reload.
    Reload,
}

impl Store {
    /// Keeps the rules that a gateway puts in force. Nothing is added where they are those in force already, but the
    /// departments beside them are kept as they are now.
    pub async fn use_rules(&self, text: &RulesText, how: Use, now: Millis) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        keep(&mut tx, text, now).await?;
        let last = in_force(&mut tx).await?;
        if last.as_deref() != Some(text.version.as_str()) {
            let how = match how {
                Use::Start => "start",
                Use::Reload => "reload",
            };
            sqlx::query("INSERT INTO rules_uses (version, at, how) VALUES ($1, $2, $3)")
                .bind(&text.version)
                .bind(now)
                .bind(how)
                .execute(&mut *tx)
                .await?;
            let detail = json!({ "version": text.version, "before": last, "how": how });
            events::record(&mut tx, None, now, kind::RULES_USED, &detail).await?;
        }
        self.commit(tx).await
    }

    /// Keeps rules as a version that was never in force, if they are none yet: what a rollback puts away.
    pub async fn keep_rules(&self, text: &RulesText, now: Millis) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        keep(&mut tx, text, now).await?;
        self.commit(tx).await
    }

    /// Writes into the history that a person put an earlier version back. `from`: digest of what lay there; `None`: nothing.
    pub async fn rolled_back_rules(
        &self,
        from: Option<&str>,
        to: &str,
        who: &str,
        now: Millis,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let detail = json!({ "who": who, "from": from, "to": to });
        events::record(&mut tx, None, now, kind::RULES_ROLLED_BACK, &detail).await?;
        self.commit(tx).await
    }

    /// All versions; the one that came into force last stands first.
    pub async fn rules_versions(&self) -> Result<Vec<RulesVersion>, StoreError> {
        let rows = sqlx::query(
            "SELECT v.version, LENGTH(CAST(v.rules AS BLOB)) AS bytes, MIN(u.at) AS first_at, MAX(u.at) AS last_at,
                    COUNT(u.seq) AS uses, COALESCE(MAX(u.seq) = (SELECT MAX(seq) FROM rules_uses), 0) AS in_force
             FROM rules_versions v LEFT JOIN rules_uses u ON u.version = v.version
             GROUP BY v.version ORDER BY MAX(u.seq) DESC NULLS LAST, v.kept_at DESC",
        )
        .fetch_all(self.readers())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(RulesVersion {
                    version: row.try_get("version")?,
                    bytes: rows::number(row, "rules_versions", "bytes")?,
                    first_used_at: row.try_get("first_at")?,
                    last_used_at: row.try_get("last_at")?,
                    uses: rows::number(row, "rules_uses", "uses")?,
                    in_force: row.try_get("in_force")?,
                })
            })
            .collect()
    }

    /// The version that came into force last before the present one, if there was another.
    pub async fn rules_before(&self) -> Result<Option<String>, StoreError> {
        let row = sqlx::query(
            "SELECT version FROM rules_uses WHERE version <> (SELECT version FROM rules_uses ORDER BY seq DESC LIMIT 1)
             ORDER BY seq DESC LIMIT 1",
        )
        .fetch_optional(self.readers())
        .await?;
        Ok(row.map(|row| row.try_get("version")).transpose()?)
    }

    /// The versions whose names begin like this: one, if it is meant well.
    pub async fn rules_named(&self, beginning: &str) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("SELECT version FROM rules_versions WHERE substr(version, 1, $2) = $1")
            .bind(beginning)
            .bind(i64::try_from(beginning.chars().count()).unwrap_or(i64::MAX))
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(|row| Ok(row.try_get("version")?)).collect()
    }

    /// The text of a version.
    pub async fn rules_text(&self, version: &str) -> Result<Option<RulesText>, StoreError> {
        let row = sqlx::query("SELECT version, rules, departments FROM rules_versions WHERE version = $1")
            .bind(version)
            .fetch_optional(self.readers())
            .await?;
        row.map(|row| {
            Ok(RulesText {
                version: row.try_get("version")?,
                rules: row.try_get("rules")?,
                departments: row.try_get("departments")?,
            })
        })
        .transpose()
    }
}

async fn keep(tx: &mut Tx, text: &RulesText, now: Millis) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO rules_versions (version, rules, departments, kept_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (version) DO UPDATE SET departments = excluded.departments",
    )
    .bind(&text.version)
    .bind(&text.rules)
    .bind(&text.departments)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn in_force(tx: &mut Tx) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("SELECT version FROM rules_uses ORDER BY seq DESC LIMIT 1")
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.map(|row| row.try_get("version")).transpose()?)
}
