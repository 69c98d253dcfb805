//! What makes the tables: the files of `migrations/sqlite`. They are compiled in as they are, without a macro that would
//! bring the database's driver into the compiler.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Description and statements; versions count from 1. A file remembers the digest of what it ran: a migration that was
/// released never changes.
const FILES: [(&str, &str); 3] = [
    (
        "create log and objects",
        include_str!("../../../migrations/sqlite/0001_create_log_and_objects.sql"),
    ),
    (
        "create reports",
        include_str!("../../../migrations/sqlite/0002_create_reports.sql"),
    ),
    (
        "create views",
        include_str!("../../../migrations/sqlite/0003_create_views.sql"),
    ),
];

/// All migrations.
pub(crate) fn migrations() -> Migrator {
    let all = (1..)
        .zip(FILES)
        .map(|(version, (description, statements))| {
            let (kind, statements) = (MigrationType::Simple, statements.into_sql_str());
            Migration::new(version, description.into(), kind, statements, false)
        });
    let mut migrations = Migrator::with_migrations(all.collect());
    // A newer release only adds to the tables; what an older one can't read is told by the format of log rows.
    migrations.set_ignore_missing(true);
    migrations
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn described(migrations: &Migrator) -> Vec<(i64, &str, MigrationType, &[u8], bool)> {
        let all = migrations.iter();
        all.map(|m| {
            let description = m.description.as_ref();
            (
                m.version,
                description,
                m.migration_type,
                m.checksum.as_ref(),
                m.no_tx,
            )
        })
        .collect()
    }

    #[tokio::test]
    async fn the_folder_holds_these_migrations_and_no_others() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite");
        let found = Migrator::new(folder).await.unwrap();
        assert_eq!(described(&migrations()), described(&found));
    }
}
