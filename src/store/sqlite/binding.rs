//! The binding store on SQLite; never holds a cookie value.

use super::SqliteStore;
use crate::identity::session::{Binding, SessionKey};
use crate::model::{SubjectId, Timestamp};
use crate::store::ports::{BindingChange, BindingStore, Made, Pending, Since, Stored};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::future::ready;
use std::sync::Arc;

impl BindingStore for SqliteStore {
    fn load(&self) -> Pending<'_, Stored> {
        self.read(|pool| async move {
            let mut transaction = pool.begin().await?;
            let sequence: Option<i64> = sqlx::query_scalar(
                "SELECT max((SELECT coalesce(max(sequence), 0) FROM change), \
                 (SELECT value FROM counter WHERE name = 'pruned'))",
            )
            .fetch_one(&mut *transaction)
            .await?;
            let rows = sqlx::query("SELECT * FROM binding").fetch_all(&mut *transaction).await?;
            let bindings = rows.iter().map(made).collect::<Result<_, _>>()?;
            Ok(Stored { bindings, sequence: number(sequence.unwrap_or_default()) })
        })
    }

    fn commit(&self, changes: Vec<BindingChange>) -> Pending<'_, Vec<u64>> {
        Box::pin(self.writer.bindings(changes))
    }

    fn changes_since(&self, sequence: u64) -> Pending<'_, Since> {
        let (quiet, stamp) = (Arc::clone(&self.bindings_quiet), self.bindings_quiet.stamp());
        if quiet.knows(stamp, sequence) {
            return Box::pin(ready(Ok(Since::Changes(Vec::new()))));
        }
        self.read(move |pool| async move {
            let since = i64::try_from(sequence).unwrap_or(i64::MAX);
            let mut transaction = pool.begin().await?;
            let pruned: i64 = sqlx::query_scalar("SELECT value FROM counter WHERE name = 'pruned'")
                .fetch_one(&mut *transaction)
                .await?;
            if pruned > since {
                return Ok(Since::TooOld);
            }
            let rows = sqlx::query(
                "SELECT change.sequence AS changed, change.key AS changed_key, binding.* FROM change \
                 LEFT JOIN binding ON binding.key = change.key WHERE change.sequence > ? ORDER BY change.sequence",
            )
            .bind(since)
            .fetch_all(&mut *transaction)
            .await?;
            if rows.is_empty() {
                quiet.found_nothing(stamp, sequence);
            }
            let changes = rows.iter().map(|row| {
                if row.try_get::<Option<i64>, _>("sequence")?.is_some() {
                    return made(row);
                }
                Ok(Made { key: key(row, "changed_key")?, binding: None, sequence: number(row.try_get("changed")?) })
            });
            changes.collect::<Result<_, sqlx::Error>>().map(Since::Changes)
        })
    }

    fn find(&self, wanted: SessionKey) -> Pending<'_, Option<Made>> {
        self.read(move |pool| async move {
            let find = sqlx::query("SELECT * FROM binding WHERE key = ?").bind(wanted.0.to_vec());
            find.fetch_optional(&pool).await?.as_ref().map(made).transpose()
        })
    }

    fn touch(&self, seen: Vec<(SessionKey, Timestamp)>) -> Pending<'_, ()> {
        Box::pin(self.writer.touch(seen))
    }

    fn shared(&self) -> bool {
        self.is_shared()
    }
}

fn made(row: &SqliteRow) -> Result<Made, sqlx::Error> {
    let at = |column| row.try_get(column).map(Timestamp::from_micros);
    let binding = Binding {
        subject: SubjectId::new(row.try_get("subject")?),
        app: row.try_get::<&str, _>("app")?.into(),
        device: row.try_get::<Option<&str>, _>("device")?.map(Into::into),
        created: at("created")?,
        last_seen: at("last_seen")?,
        expires: at("expires")?,
        idle_micros: number(row.try_get("idle")?),
    };
    Ok(Made { key: key(row, "key")?, binding: Some(binding), sequence: number(row.try_get("sequence")?) })
}

fn key(row: &SqliteRow, column: &str) -> Result<SessionKey, sqlx::Error> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes.try_into().map(SessionKey).map_err(|_| sqlx::Error::Decode("a session key has 32 bytes".into()))
}

fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
