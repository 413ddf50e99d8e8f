//! Freezes on SQLite; never applies them.

use super::SqliteStore;
use crate::model::{SubjectId, Timestamp};
use crate::store::ports::{Freeze, FreezeStore, Freezes, Pending};
use sqlx::Row;
use std::future::ready;
use std::sync::Arc;

impl FreezeStore for SqliteStore {
    fn freezes(&self, known: Option<u64>) -> Pending<'_, Option<Freezes>> {
        let (quiet, stamp) = (Arc::clone(&self.freezes_quiet), self.freezes_quiet.stamp());
        if known.is_some_and(|known| quiet.knows(stamp, known)) {
            return Box::pin(ready(Ok(None)));
        }
        self.read(move |pool| async move {
            let mut transaction = pool.begin().await?;
            let sequence: i64 = sqlx::query_scalar("SELECT value FROM counter WHERE name = 'freezes'")
                .fetch_one(&mut *transaction)
                .await?;
            let sequence = u64::try_from(sequence).unwrap_or_default();
            if known == Some(sequence) {
                quiet.found_nothing(stamp, sequence);
                return Ok(None);
            }
            let rows =
                sqlx::query("SELECT subject, since, note FROM freeze ORDER BY subject").fetch_all(&mut *transaction);
            let rows = rows.await?;
            let freezes = rows.iter().map(|row| {
                Ok(Freeze {
                    subject: SubjectId::new(row.try_get("subject")?),
                    since: Timestamp::from_micros(row.try_get("since")?),
                    note: row.try_get("note")?,
                })
            });
            Ok(Some(Freezes { freezes: freezes.collect::<Result<_, sqlx::Error>>()?, sequence }))
        })
    }

    fn freeze(&self, freeze: Freeze) -> Pending<'_, u64> {
        Box::pin(self.writer.freeze(freeze))
    }

    fn thaw(&self, subject: SubjectId) -> Pending<'_, u64> {
        Box::pin(self.writer.thaw(subject))
    }
}
