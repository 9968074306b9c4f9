//! Fingerprints of pages, and which fax is kin to which.
//!
//! A page is found again by parts of its fingerprint: [`BANDS`] bands of [`BAND_BITS`] bits, each a row of an index.
//! Twins differ in few bits, so that some band of theirs is whole; strangers share one now and then, and the distance
//! sorts them out. Only a fax's first pages are in the index: faxes that are kin begin alike.
//!
//! Everything here repeats without harm: a fax that is worked on again files the same rows anew.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::Row;

use super::events::{self, kind};
use super::rows::{self, to_word};
use super::{Store, StoreError};
use crate::fax::{FaxId, Fingerprint, Kin, Kinship, Millis};

/// Bands of a fingerprint.
pub const BANDS: usize = 21;
/// Bits in a band.
pub const BAND_BITS: usize = 12;
/// Pages of a fax that are in the index.
const INDEXED: usize = 3;
/// Of each band so many newest pages are looked at: what half the world's pages share tells nothing.
const MOST_OF_A_BAND: u32 = 400;

/// A fax that may be kin: one of its pages resembles one that was asked for, or its sender or call is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The fax.
    pub fax: FaxId,
    /// Bits in which the most alike pages differ; `None`: it is known by a mark alone.
    pub distance: Option<u32>,
}

/// What is filed of a fax so that its kin find it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prints {
    /// Pages that have a fingerprint, in order.
    pub pages: Vec<(u32, Fingerprint)>,
    /// Its sender and its call, in one spelling.
    pub marks: Vec<String>,
}

impl Store {
    /// Files a fax's fingerprints and marks; what was filed of it before is replaced.
    pub async fn file_prints(&self, fax: &FaxId, prints: &Prints, at: Millis) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let old = sqlx::query("SELECT id, print FROM page_prints WHERE fax_id = $1")
            .bind(fax.as_str())
            .fetch_all(&mut *tx)
            .await?;
        for row in &old {
            let (id, print): (i64, Vec<u8>) = (row.try_get("id")?, row.try_get("print")?);
            for band in bands(from_bytes(&print)?) {
                sqlx::query("DELETE FROM print_bands WHERE band = $1 AND print = $2")
                    .bind(band)
                    .bind(id)
                    .execute(&mut *tx)
                    .await?;
            }
        }
        for table in ["DELETE FROM page_prints WHERE fax_id = $1", "DELETE FROM fax_marks WHERE fax_id = $1"]
        {
            sqlx::query(table).bind(fax.as_str()).execute(&mut *tx).await?;
        }
        for (number, (page, print)) in prints.pages.iter().enumerate() {
            let id = sqlx::query("INSERT INTO page_prints (fax_id, page, print) VALUES ($1, $2, $3)")
                .bind(fax.as_str())
                .bind(page)
                .bind(to_bytes(*print))
                .execute(&mut *tx)
                .await?
                .last_insert_rowid();
            for band in bands(*print).into_iter().filter(|_| number < INDEXED) {
                sqlx::query("INSERT INTO print_bands (band, print) VALUES ($1, $2)")
                    .bind(band)
                    .bind(id)
                    .execute(&mut *tx)
                    .await?;
            }
        }
        for mark in &prints.marks {
            sqlx::query(
                "INSERT INTO fax_marks (mark, at, fax_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            )
            .bind(mark)
            .bind(at)
            .bind(fax.as_str())
            .execute(&mut *tx)
            .await?;
        }
        // Nobody waits for this: no hint is sent.
        tx.commit().await?;
        Ok(())
    }

    /// Faxes admitted from `since` to `until` of which a first page resembles one of `prints`, the most alike first, at most
    /// `limit`.
    pub async fn alike(
        &self,
        fax: &FaxId,
        prints: &[(u32, Fingerprint)],
        (since, until): (Millis, Millis),
        farthest: u32,
        limit: usize,
    ) -> Result<Vec<Candidate>, StoreError> {
        let mut nearest: BTreeMap<String, u32> = BTreeMap::new();
        for (_, print) in prints.iter().take(INDEXED) {
            let mut ids = Vec::new();
            for band in bands(*print) {
                let rows =
                    sqlx::query("SELECT print FROM print_bands WHERE band = $1 ORDER BY print DESC LIMIT $2")
                        .bind(band)
                        .bind(MOST_OF_A_BAND)
                        .fetch_all(self.readers())
                        .await?;
                for row in &rows {
                    ids.push(row.try_get::<i64, _>("print")?);
                }
            }
            ids.sort_unstable();
            ids.dedup();
            let rows = sqlx::query(
                "SELECT p.fax_id, p.print FROM json_each($1) AS wanted
                 JOIN page_prints AS p ON p.id = wanted.value JOIN faxes AS f ON f.id = p.fax_id
                 WHERE f.admitted_at BETWEEN $2 AND $3 AND p.fax_id <> $4",
            )
            .bind(serde_json::json!(ids).to_string())
            .bind(since)
            .bind(until)
            .bind(fax.as_str())
            .fetch_all(self.readers())
            .await?;
            for row in &rows {
                let (id, bytes): (String, Vec<u8>) = (row.try_get("fax_id")?, row.try_get("print")?);
                let distance = from_bytes(&bytes)?.distance(*print);
                if distance <= farthest {
                    let least = nearest.entry(id).or_insert(distance);
                    *least = distance.min(*least);
                }
            }
        }
        let mut found: Vec<(u32, String)> =
            nearest.into_iter().map(|(id, distance)| (distance, id)).collect();
        // Among equals the newest.
        found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        found
            .into_iter()
            .take(limit)
            .map(|(distance, id)| Ok(Candidate { fax: known(&id)?, distance: Some(distance) }))
            .collect()
    }

    /// Other faxes that bear a mark and were admitted from `since` to `until`, newest first, at most `limit`.
    pub async fn marked(
        &self,
        fax: &FaxId,
        mark: &str,
        (since, until): (Millis, Millis),
        limit: u32,
    ) -> Result<Vec<FaxId>, StoreError> {
        let rows = sqlx::query(
            "SELECT fax_id FROM fax_marks WHERE mark = $1 AND at BETWEEN $2 AND $3 AND fax_id <> $4
             ORDER BY at DESC, fax_id DESC LIMIT $5",
        )
        .bind(mark)
        .bind(since)
        .bind(until)
        .bind(fax.as_str())
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(|row| rows::parsed(row, "fax_marks", "fax_id")).collect()
    }

    /// The fingerprints of a fax, by page.
    pub async fn prints(&self, fax: &FaxId) -> Result<Vec<(u32, Fingerprint)>, StoreError> {
        let rows = sqlx::query("SELECT page, print FROM page_prints WHERE fax_id = $1 ORDER BY page")
            .bind(fax.as_str())
            .fetch_all(self.readers())
            .await?;
        rows.iter()
            .map(|row| {
                let bytes: Vec<u8> = row.try_get("print")?;
                Ok((rows::number(row, "page_prints", "page")?, from_bytes(&bytes)?))
            })
            .collect()
    }

    /// Writes down that a fax is kin to an earlier one. True if that is new: then it stands in the history too.
    pub async fn link(&self, fax: &FaxId, kinship: &Kinship, at: Millis) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let kin = to_word(&kinship.kin);
        let inserted = sqlx::query(
            "INSERT INTO fax_kin (fax_id, earlier, kin, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(fax.as_str())
        .bind(kinship.fax.as_str())
        .bind(&kin)
        .bind(at)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if inserted == 0 {
            return Ok(false);
        }
        events::record(&mut tx, Some(fax), at, kind::KIN, &json!({ "kin": kin, "earlier": kinship.fax }))
            .await?;
        self.commit(tx).await?;
        Ok(true)
    }

    /// Takes back what was found in an earlier round, before a fax is judged anew.
    pub async fn unlink(&self, fax: &FaxId) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM fax_kin WHERE fax_id = $1").bind(fax.as_str()).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Earlier faxes that this one is kin to, newest first.
    pub async fn kin(&self, fax: &FaxId) -> Result<Vec<Kinship>, StoreError> {
        self.kinships("SELECT earlier AS fax, kin FROM fax_kin WHERE fax_id = $1 ORDER BY earlier DESC", fax)
            .await
    }

    /// Later faxes that are kin to this one, oldest first: each is *their* kinship to this one.
    pub async fn later_kin(&self, fax: &FaxId) -> Result<Vec<Kinship>, StoreError> {
        self.kinships("SELECT fax_id AS fax, kin FROM fax_kin WHERE earlier = $1 ORDER BY fax_id", fax).await
    }

    /// All faxes that one call brought, this one among them, in the order in which they came; none where it is alone.
    pub async fn conversation(&self, fax: &FaxId) -> Result<Vec<FaxId>, StoreError> {
        let (earlier, later) = (self.kin(fax).await?, self.later_kin(fax).await?);
        let of_call = earlier.into_iter().chain(later).filter(|kinship| kinship.kin == Kin::SameCall);
        let mut all: Vec<FaxId> = of_call.map(|kinship| kinship.fax).collect();
        if !all.is_empty() {
            all.push(fax.clone());
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    async fn kinships(&self, sql: &'static str, fax: &FaxId) -> Result<Vec<Kinship>, StoreError> {
        let rows = sqlx::query(sql).bind(fax.as_str()).fetch_all(self.readers()).await?;
        rows.iter()
            .map(|row| {
                let word: String = row.try_get("kin")?;
                let kin = serde_json::from_value::<Kin>(word.clone().into())
                    .map_err(|_| StoreError::Unreadable { table: "fax_kin", what: "kin", text: word })?;
                Ok(Kinship { fax: rows::parsed(row, "fax_kin", "fax")?, kin })
            })
            .collect()
    }

    /// Writes down which pages of a fax are others once more, `(page, of)`; what was written before is replaced.
    pub async fn file_repeats(&self, fax: &FaxId, repeats: &[(u32, u32)]) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM page_repeats WHERE fax_id = $1")
            .bind(fax.as_str())
            .execute(&mut *tx)
            .await?;
        for (page, of) in repeats {
            sqlx::query("INSERT INTO page_repeats (fax_id, page, of) VALUES ($1, $2, $3)")
                .bind(fax.as_str())
                .bind(page)
                .bind(of)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Pages of a fax that are others once more: `(page, of)`, both from 1.
    pub async fn repeats(&self, fax: &FaxId) -> Result<Vec<(u32, u32)>, StoreError> {
        let rows = sqlx::query("SELECT page, of FROM page_repeats WHERE fax_id = $1 ORDER BY page")
            .bind(fax.as_str())
            .fetch_all(self.readers())
            .await?;
        rows.iter()
            .map(|row| {
                Ok((rows::number(row, "page_repeats", "page")?, rows::number(row, "page_repeats", "of")?))
            })
            .collect()
    }
}

fn known(id: &str) -> Result<FaxId, StoreError> {
    id.parse().map_err(|_| StoreError::Unreadable {
        table: "page_prints",
        what: "fax_id",
        text: id.to_owned(),
    })
}

/// The bands of a fingerprint, each with its number. A band without a bit is shared by every half-empty page: it is
/// left out.
fn bands(print: Fingerprint) -> Vec<i64> {
    let bit = |at: usize| print.0[at / 64] >> (at % 64) & 1;
    (0..BANDS)
        .filter_map(|band| {
            // Bits of one band lie far apart on the page: a spot of dirt spoils one bit of several bands and not a band.
            let value = (0..BAND_BITS).fold(0, |value, n| value << 1 | bit(n * BANDS + band));
            (value != 0).then_some((band as i64) << BAND_BITS | value as i64)
        })
        .collect()
}

fn to_bytes(print: Fingerprint) -> Vec<u8> {
    print.0.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Result<Fingerprint, StoreError> {
    let mut words = [0; 4];
    let (chunks, rest) = bytes.as_chunks::<8>();
    if chunks.len() != words.len() || !rest.is_empty() {
        let text = format!("{} bytes", bytes.len());
        return Err(StoreError::Unreadable { table: "page_prints", what: "print", text });
    }
    words.iter_mut().zip(chunks).for_each(|(word, chunk)| *word = u64::from_be_bytes(*chunk));
    Ok(Fingerprint(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_keep_their_bits() {
        let print = Fingerprint([1, u64::MAX, 0, 0x0123_4567_89ab_cdef]);
        assert_eq!(from_bytes(&to_bytes(print)).unwrap(), print);
        assert!(from_bytes(&[0; 31]).is_err() && from_bytes(&[0; 33]).is_err());
    }

    #[test]
    fn one_turned_bit_leaves_the_other_bands_whole() {
        let print = Fingerprint([0x5555_5555_5555_5555; 4]);
        let mine = bands(print);
        assert_eq!(mine.len(), BANDS);
        for at in 0..BANDS * BAND_BITS {
            let mut other = print;
            other.0[at / 64] ^= 1 << (at % 64);
            let theirs = bands(other);
            assert_eq!(mine.iter().filter(|band| theirs.contains(band)).count(), BANDS - 1, "{at}");
        }
        assert!(bands(Fingerprint([0; 4])).is_empty());
    }
}
