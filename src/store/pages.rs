//! Texts of pages, saved one by one so that a restart reads no page twice.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;

use super::rows::{self, to_json};
use super::{Claim, Store, StoreError};
use crate::fax::{FaxId, Millis};

const TABLE: &str = "page_texts";

/// What was saved of one page.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedPage<T> {
    /// Page, from 1.
    pub page: u32,
    /// Version of the recipe that made it: engine, models, enhancement. Another one means: read it again.
    pub recipe: String,
    /// The transcript.
    pub transcript: T,
}

impl Store {
    /// Saves one page's transcript under a claim. Progress: claims that brought nothing count anew.
    /// False: the claim is no longer ours.
    pub async fn save_page(
        &self,
        claim: &Claim,
        page: u32,
        recipe: &str,
        transcript: &impl Serialize,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let ours = sqlx::query("UPDATE faxes SET claims = 0 WHERE id = $1 AND lease = $2 AND round = $3")
            .bind(claim.fax.id.as_str())
            .bind(&claim.token)
            .bind(claim.fax.round)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if ours == 0 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO page_texts (fax_id, page, original_sha256, recipe, transcript_json, at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (fax_id, page) DO UPDATE SET original_sha256 = excluded.original_sha256,
                 recipe = excluded.recipe, transcript_json = excluded.transcript_json, at = excluded.at",
        )
        .bind(claim.fax.id.as_str())
        .bind(page)
        .bind(claim.fax.original.sha256.to_string())
        .bind(recipe)
        .bind(to_json(transcript))
        .bind(now)
        .execute(&mut *tx)
        .await?;
        // Nobody waits for a page's text: no hint is sent.
        tx.commit().await?;
        Ok(true)
    }

    /// Everything saved of a fax, in page order. A transcript that cannot be read (another version of faxgate
    /// wrote it) counts as none: the page can be read again.
    pub async fn pages<T: DeserializeOwned>(&self, fax: &FaxId) -> Result<Vec<SavedPage<T>>, StoreError> {
        let rows = sqlx::query(
            "SELECT page, recipe, transcript_json FROM page_texts WHERE fax_id = $1 ORDER BY page",
        )
        .bind(fax.as_str())
        .fetch_all(self.readers())
        .await?;
        let mut pages = Vec::with_capacity(rows.len());
        for row in &rows {
            let Ok(transcript) = rows::json(row, TABLE, "transcript_json") else { continue };
            let page = rows::number(row, TABLE, "page")?;
            pages.push(SavedPage { page, recipe: row.try_get("recipe")?, transcript });
        }
        Ok(pages)
    }

    /// One page's transcript, from 1.
    pub async fn page<T: DeserializeOwned>(&self, fax: &FaxId, page: u32) -> Result<Option<T>, StoreError> {
        let row = sqlx::query("SELECT transcript_json FROM page_texts WHERE fax_id = $1 AND page = $2")
            .bind(fax.as_str())
            .bind(page)
            .fetch_optional(self.readers())
            .await?;
        row.map(|row| rows::json(&row, TABLE, "transcript_json")).transpose()
    }
}
