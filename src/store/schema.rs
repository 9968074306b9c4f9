//! The schema's steps, built into the program.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Row, SqlSafeStr, SqlitePool};

use super::StoreError;

/// The steps in their order: each takes the schema one on. What was once released is never changed.
const STEPS: [(i64, &str, &str); 5] = [
    (1, "faxes", include_str!("../../migrations/sqlite/0001_faxes.sql")),
    (2, "rules and search", include_str!("../../migrations/sqlite/0002_rules_and_search.sql")),
    (3, "kin", include_str!("../../migrations/sqlite/0003_kin.sql")),
    (4, "returns", include_str!("../../migrations/sqlite/0004_returns.sql")),
    (5, "outcomes", include_str!("../../migrations/sqlite/0005_outcomes.sql")),
];

/// Newest schema we know.
const NEWEST: i64 = STEPS[STEPS.len() - 1].0;

fn steps() -> Migrator {
    let steps = STEPS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.to_vec())
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
