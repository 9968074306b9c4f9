//! The schema's steps, built into the program.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Row, SqlSafeStr, SqlitePool};

use super::StoreError;

/// Newest schema we know.
const NEWEST: i64 = 1;

fn steps() -> Migrator {
    let faxes = include_str!("../../migrations/sqlite/0001_faxes.sql");
    Migrator::with_migrations(vec![Migration::new(
        1,
        "faxes".into(),
        MigrationType::Simple,
        faxes.into_sql_str(),
        false,
    )])
}

/// Brings the database to the newest schema. Refuses one that is newer still.
pub(super) async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    steps().run(pool).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) if found > NEWEST => {
            StoreError::NewerSchema { found, known: NEWEST }
        }
        MigrateError::Execute(error) => StoreError::Database(error),
        other => StoreError::ForeignSchema(other),
    })
}

/// Checks, without changing anything, that the database has the schema we speak.
pub(super) async fn check(pool: &SqlitePool) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT MAX(version) AS version FROM _sqlx_migrations").fetch_one(pool).await?;
    match row.try_get::<Option<i64>, _>("version")? {
        Some(NEWEST) => Ok(()),
        Some(found) if found > NEWEST => Err(StoreError::NewerSchema { found, known: NEWEST }),
        found => Err(StoreError::OlderSchema { found: found.unwrap_or(0), known: NEWEST }),
    }
}
