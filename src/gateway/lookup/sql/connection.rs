//! A connection to a database of one of the kinds that are spoken: opened to read, and asked in a transaction that cannot write and ends in time.

use std::pin::Pin;
use std::str::FromStr as _;
use std::time::Instant;

use futures_core::Stream as _;
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Row as _};

use super::{GRACE, Key, MOST_ROWS, Question, Rows, Trouble};

/// Where a database is.
pub(super) enum Address {
    Sqlite(Box<SqliteConnectOptions>),
    #[cfg(feature = "postgres")]
    Postgres(Box<sqlx::postgres::PgConnectOptions>),
    #[cfg(feature = "mysql")]
    Mysql(Box<sqlx::mysql::MySqlConnectOptions>),
}

/// A connection to a database, in no transaction.
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(Box<sqlx::postgres::PgConnection>),
    #[cfg(feature = "mysql")]
    Mysql(Box<sqlx::mysql::MySqlConnection>, Flavour),
}

/// Which of the two it is, since each ends long statements in its own way.
#[cfg(feature = "mysql")]
#[derive(Clone, Copy)]
pub(super) enum Flavour {
    Mysql,
    Mariadb,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong, without the address.
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        let scheme = url.split(':').next().unwrap_or_default();
        let wrong = |_: sqlx::Error| "the address of the database is not one";
        match scheme {
            "sqlite" => {
                let options = SqliteConnectOptions::from_str(url).map_err(wrong)?;
                let options = options.read_only(true).create_if_missing(false).disable_statement_logging();
                let options = options.busy_timeout(GRACE);
                Ok(Self::Sqlite(Box::new(options)))
            }
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                let options = sqlx::postgres::PgConnectOptions::from_str(url).map_err(wrong)?;
                Ok(Self::Postgres(Box::new(options.disable_statement_logging())))
            }
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => {
                let options = sqlx::mysql::MySqlConnectOptions::from_str(url).map_err(wrong)?;
                Ok(Self::Mysql(Box::new(options.disable_statement_logging())))
            }
            _ => Err(
                "the address of the database begins with none of `sqlite:`, `postgres:` and `mysql:`, or this program was built without it",
            ),
        }
    }

    pub(super) async fn connect(&self) -> Result<Connection, Trouble> {
        Ok(match self {
            Self::Sqlite(options) => Connection::Sqlite(options.connect().await?),
            #[cfg(feature = "postgres")]
            Self::Postgres(options) => Connection::Postgres(Box::new(options.connect().await?)),
            #[cfg(feature = "mysql")]
            Self::Mysql(options) => {
                let mut connection = options.connect().await?;
                let version: String = sqlx::query_scalar("select version()").fetch_one(&mut connection).await?;
                let flavour = if version.contains("MariaDB") { Flavour::Mariadb } else { Flavour::Mysql };
                Connection::Mysql(Box::new(connection), flavour)
            }
        })
    }
}

/// What a row tells, column by column; what is neither text nor a whole number is refused.
macro_rules! cells {
    ($row:expr, $columns:expr, $($kind:ty),+) => {{
        let row = $row;
        let mut cells = Vec::with_capacity($columns.len());
        for name in $columns {
            let mut named = row.columns().iter().enumerate().filter(|(at, column)| match name {
                None => *at == 0,
                Some(name) => column.name() == name.as_str(),
            });
            let (Some((at, _)), None) = (named.next(), named.next()) else {
                return Err(Trouble::Other("the query does not give one column of each name".into()));
            };
            let mut cell = None;
            $(if cell.is_none() {
                cell = row.try_get::<Option<$kind>, _>(at).ok().map(|value| value.map(|value| value.to_string()));
            })+
            cells.push(cell.ok_or_else(|| Trouble::Other("a column is neither text nor a whole number; cast it".into()))?);
        }
        cells
    }};
}

/// The rows that a question gives, at most [`MOST_ROWS`].
macro_rules! rows {
    ($database:ty, $connection:expr, $text:expr, $question:expr, $($kind:ty),+) => {{
        let question = $question;
        let mut query = sqlx::query::<$database>(AssertSqlSafe($text.clone()));
        for _ in 0..question.gaps {
            query = match &question.key {
                Key::Number(number) => query.bind(*number),
                Key::Text(text) => query.bind(text.clone()),
            };
        }
        let mut told = query.fetch($connection);
        let mut rows = Rows::new();
        while let Some(row) = std::future::poll_fn(|cx| Pin::new(&mut told).poll_next(cx)).await {
            if rows.len() == MOST_ROWS {
                return Err(Trouble::Other("the query gives too many rows".into()));
            }
            rows.push(cells!(row?, &question.columns, $($kind),+));
        }
        rows
    }};
}

impl Connection {
    /// What the question gives, in a transaction of its own that cannot write and ends in time.
    pub(super) async fn rows(&mut self, question: &Question) -> Result<Rows, Trouble> {
        match self {
            Self::Sqlite(connection) => {
                let deadline = question.deadline + GRACE;
                // where somebody else has locked the file, it is waited for as long as for anything
                let patience = format!("pragma busy_timeout = {}", question.left());
                sqlx::raw_sql(AssertSqlSafe(patience)).execute(&mut *connection).await?;
                connection.lock_handle().await?.set_progress_handler(1000, move || Instant::now() < deadline);
                // the file was opened to be read only
                let rows = rows!(Sqlite, &mut *connection, question.marked, question, String, i64);
                connection.lock_handle().await?.remove_progress_handler();
                Ok(rows)
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => {
                let connection = &mut **connection;
                let begin = format!("begin read only; set local statement_timeout = {}", question.left());
                sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut *connection).await?;
                let rows = rows!(sqlx::Postgres, &mut *connection, question.numbered, question, String, i64, i32, i16);
                sqlx::raw_sql("rollback").execute(&mut *connection).await?;
                Ok(rows)
            }
            #[cfg(feature = "mysql")]
            Self::Mysql(connection, flavour) => {
                let connection = &mut **connection;
                let left = question.left();
                let limit = match flavour {
                    Flavour::Mysql => format!("set session max_execution_time = {left}"),
                    Flavour::Mariadb => format!("set session max_statement_time = {}.{:03}", left / 1000, left % 1000),
                };
                sqlx::raw_sql(AssertSqlSafe(limit)).execute(&mut *connection).await?;
                sqlx::raw_sql("start transaction read only").execute(&mut *connection).await?;
                let rows = rows!(sqlx::MySql, &mut *connection, question.marked, question, String, i64, u64);
                sqlx::raw_sql("rollback").execute(&mut *connection).await?;
                Ok(rows)
            }
        }
    }
}
