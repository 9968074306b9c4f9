//! The index of words, and looking for faxes by them.
//!
//! What a word is, the caller says: it hands over text that is folded and cut already, and names the recipe by which it was.
//! SQLite's FTS5 keeps which row holds which word at which place; the text itself is not kept twice (`content = ''`).

use sqlx::{QueryBuilder, Row, Sqlite};

use super::rows::{self, Fax};
use super::{Store, StoreError, Tx};
use crate::fax::{FaxId, Millis};

/// A fax's words, ready to be indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What made words of the text.
    pub recipe: String,
    /// The words in their order, with blanks between them.
    pub text: String,
}

/// What is sought. The default is every fax.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// An expression of FTS5 over indexed words.
    pub words: Option<String>,
    /// The dialled number ends in these digits.
    pub did: Option<String>,
    /// The id of a department that a delivery was made for.
    pub department: Option<String>,
    /// Admitted at or after this moment.
    pub since: Option<Millis>,
}

/// Rows of `words` for each millisecond of admission.
const ROWS_A_MILLI: i64 = 1 << 10;

/// Indexes one fax's words anew.
pub(super) async fn index(tx: &mut Tx, fax: &FaxId, words: &Words) -> Result<(), StoreError> {
    let known = sqlx::query("SELECT n FROM searched WHERE fax_id = $1")
        .bind(fax.as_str())
        .fetch_optional(&mut **tx)
        .await?;
    let n: i64 = match known {
        Some(row) => row.try_get("n")?,
        None => {
            let row = sqlx::query(
                "SELECT MAX(faxes.admitted_at * $2, (SELECT COALESCE(MAX(n) + 1, 0) FROM searched
                        WHERE n >= faxes.admitted_at * $2 AND n < (faxes.admitted_at + 1) * $2)) AS n
                 FROM faxes WHERE id = $1",
            )
            .bind(fax.as_str())
            .bind(ROWS_A_MILLI)
            .fetch_optional(&mut **tx)
            .await?;
            row.ok_or_else(|| StoreError::NoFax(fax.clone()))?.try_get("n")?
        }
    };
    sqlx::query(
        "INSERT INTO searched (n, fax_id, recipe) VALUES ($1, $2, $3)
         ON CONFLICT (fax_id) DO UPDATE SET recipe = excluded.recipe",
    )
    .bind(n)
    .bind(fax.as_str())
    .bind(&words.recipe)
    .execute(&mut **tx)
    .await?;
    sqlx::query("DELETE FROM words WHERE rowid = $1").bind(n).execute(&mut **tx).await?;
    sqlx::query("INSERT INTO words (rowid, body) VALUES ($1, $2)")
        .bind(n)
        .bind(&words.text)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Store {
    /// Indexes the words of several faxes.
    pub async fn index(&self, faxes: &[(FaxId, Words)]) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        for (fax, words) in faxes {
            index(&mut tx, fax, words).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Faxes whose pages were read but whose words are not indexed by this recipe, in the order of their ids, those after
    /// `last` alone, at most `limit`. Those that are on their way to be routed are left out: they are indexed there.
    pub async fn unindexed(
        &self,
        recipe: &str,
        last: Option<&FaxId>,
        limit: u32,
    ) -> Result<Vec<FaxId>, StoreError> {
        let rows = sqlx::query(
            "SELECT id FROM faxes LEFT JOIN searched ON searched.fax_id = faxes.id
             WHERE id > $1 AND (recipe IS NULL OR recipe <> $2)
               AND stage NOT IN ('received', 'transcribed', 'composed')
               AND EXISTS (SELECT 1 FROM page_texts WHERE page_texts.fax_id = faxes.id)
             ORDER BY id LIMIT $3",
        )
        .bind(last.map_or("", FaxId::as_str))
        .bind(recipe)
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(|row| rows::parsed(row, "faxes", "id")).collect()
    }

    /// Faxes that fit, newest first, at most `limit`.
    pub async fn search(&self, sought: &Sought, limit: u32) -> Result<Vec<Fax>, StoreError> {
        let mut query = match &sought.words {
            Some(words) => {
                let mut query = QueryBuilder::<Sqlite>::new(
                    "SELECT faxes.* FROM words JOIN searched ON searched.n = words.rowid
                     JOIN faxes ON faxes.id = searched.fax_id WHERE words MATCH ",
                );
                query.push_bind(words);
                if let Some(since) = sought.since {
                    query.push(" AND words.rowid >= ").push_bind(since.saturating_mul(ROWS_A_MILLI));
                }
                query
            }
            None => {
                let mut query = QueryBuilder::new("SELECT faxes.* FROM faxes WHERE admitted_at >= ");
                query.push_bind(sought.since.unwrap_or(Millis::MIN));
                query
            }
        };
        if let Some(did) = &sought.did {
            query.push(" AND json_extract(faxes.call_json, '$.did') LIKE '%' || ").push_bind(did);
        }
        if let Some(department) = &sought.department {
            query
                .push(" AND EXISTS (SELECT 1 FROM deliveries WHERE fax_id = faxes.id AND department = ")
                .push_bind(department)
                .push(")");
        }
        let order = match sought.words {
            Some(_) => " ORDER BY words.rowid DESC LIMIT ",
            None => " ORDER BY admitted_at DESC, id DESC LIMIT ",
        };
        query.push(order).push_bind(limit);
        let rows = query.build().fetch_all(self.readers()).await?;
        rows.iter().map(rows::fax).collect()
    }
}
