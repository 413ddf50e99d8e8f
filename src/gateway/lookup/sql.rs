//! Asking the application's database about objects: one read-only query, on the background runtime, over a few connections that
//! are made when they are needed. Never writes, and never tells the address or the password of a database.

use std::pin::Pin;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compact_str::CompactString;
use futures_core::Stream as _;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Row as _};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::told::failed;
use crate::lookup::{Extractor, Found, Lookup, Secret, Source, Sql};
use crate::model::Reason;
use crate::request::ParamType;

/// How many connections to one database there may be.
const MOST_CONNECTIONS: usize = 4;
/// How many questions may wait for one of them; what is beyond is refused at once, so that a database that stalls takes no more of the
/// requests that may be in flight.
const MOST_WAITING: usize = 256;
/// How long a connection may lie idle.
const IDLE: Duration = Duration::from_secs(60);
/// How long an address is believed before it is read again, so that it can be changed.
const REMEMBERED: Duration = Duration::from_secs(30);
/// After how long a database that nobody asks is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// How long a statement goes on when nobody waits for it any more.
const GRACE: Duration = Duration::from_millis(50);
/// The most rows that are read. All of them must say the same.
const MOST_ROWS: usize = 100;

/// The databases that lookups ask. One value, shared by all cores.
pub struct Databases {
    runtime: Handle,
    known: Mutex<FxHashMap<Secret, Known>>,
}

struct Known {
    read: Instant,
    used: Instant,
    database: Arc<Database>,
}

/// One database and the connections to it that are not in use.
struct Database {
    /// Kept to see whether it has changed.
    url: Zeroizing<String>,
    address: Address,
    permits: Arc<Semaphore>,
    /// Places in the queue for a permit.
    places: Semaphore,
    idle: Mutex<Vec<(Instant, Connection)>>,
}

/// The right to put one question to a database.
struct Turn {
    database: Arc<Database>,
    _permit: OwnedSemaphorePermit,
}

/// Why a database did not tell. Holds nothing of its address.
#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    /// The connection is of no more use.
    Lost(CompactString),
    /// The database, or what it told, is not as the lookup says.
    Other(CompactString),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(error) => {
                Self::Lost(format!("the connection to the database failed: {}", error.kind()).into())
            }
            sqlx::Error::Tls(_) => Self::Lost("the database and the gateway do not agree on TLS".into()),
            sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
                Self::Lost("the database does not speak as expected".into())
            }
            // SECURITY: the words of a database may hold names of its hosts and people; its code does not.
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default();
                Self::Other(format!("the database answered with the error `{code}`").into())
            }
            _ => Self::Other("the database could not be asked so".into()),
        }
    }
}

impl Databases {
    /// Databases that are asked on `runtime`.
    #[must_use]
    pub fn new(runtime: Handle) -> Arc<Self> {
        Arc::new(Self { runtime, known: Mutex::default() })
    }

    /// What the database tells of the object `key`.
    ///
    /// INVARIANT: whoever goes away while it waits leaves the queue, and asks nothing. A question that was put goes on without it, so that
    /// no more are ever under way than there may be connections (`no_more_wait_for_a_database_than_may_and_whoever_goes_away_leaves_the_queue`).
    pub(super) async fn ask(self: &Arc<Self>, lookup: &Arc<Lookup>, key: &CompactString) -> Found {
        let Source::Sql(sql) = &lookup.source else { return failed("the lookup has no database") };
        let deadline = Instant::now() + lookup.within;
        let timeout = |text: &str| Found::Failed(Reason::LookupTimeout, text.into());
        let turn = match tokio::time::timeout(lookup.within, self.turn(&sql.url)).await {
            Ok(Ok(turn)) => turn,
            Ok(Err(found)) => return found,
            Err(_) => return timeout("no connection to the database was free in time"),
        };
        let question = match Question::of(lookup, sql, key, deadline) {
            Ok(question) => question,
            Err(found) => return found,
        };
        let asked = self.runtime.spawn(async move {
            // INVARIANT: a connection that is in use when the time is over is dropped with it, and never used again.
            tokio::time::timeout_at(deadline.into(), turn.database.rows(&question)).await
        });
        match asked.await {
            Ok(Ok(Ok(rows))) if rows.is_empty() => Found::Unknown("the database has no such row".into()),
            Ok(Ok(Ok(rows))) => match lookup.of_rows(&rows) {
                Ok(Some(values)) => Found::Values(values),
                Ok(None) => Found::Unknown("the row does not tell".into()),
                Err(error) => failed(error),
            },
            Ok(Ok(Err(Trouble::Lost(text) | Trouble::Other(text)))) => failed(text),
            Ok(Err(_)) => timeout("the database did not answer in time"),
            Err(_) => failed("the question to the database was broken off"),
        }
    }

    /// Waits until the database whose address is kept at `place` may be asked.
    async fn turn(&self, place: &Secret) -> Result<Turn, Found> {
        let database = self.database(place).await?;
        let permits = || Arc::clone(&database.permits);
        let permit = match permits().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let _place = database.places.try_acquire().map_err(|_| failed("too many wait for the database"))?;
                permits().acquire_owned().await.map_err(|_| failed("the gateway ends"))?
            }
        };
        Ok(Turn { database, _permit: permit })
    }

    /// The database whose address is kept at `place`.
    async fn database(&self, place: &Secret) -> Result<Arc<Database>, Found> {
        let now = Instant::now();
        {
            let mut known = self.known.lock();
            known.retain(|_, known| now.duration_since(known.used) < FORGOTTEN);
            if let Some(known) = known.get_mut(place).filter(|known| now.duration_since(known.read) < REMEMBERED) {
                known.used = now;
                return Ok(Arc::clone(&known.database));
            }
        }
        let owned = place.clone();
        let read = self.runtime.spawn_blocking(move || owned.read()).await;
        let url = read.map_err(|_| failed("the address of the database could not be read"))?.map_err(failed)?;
        let mut known = self.known.lock();
        let same = known.get(place).map(|known| Arc::clone(&known.database)).filter(|database| *database.url == *url);
        let database = match same {
            Some(database) => database,
            None => {
                let address = Address::parse(&url).map_err(failed)?;
                let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
                Arc::new(Database {
                    url,
                    address,
                    permits,
                    places: Semaphore::new(MOST_WAITING),
                    idle: Mutex::default(),
                })
            }
        };
        known.insert(place.clone(), Known { read: now, used: now, database: Arc::clone(&database) });
        Ok(database)
    }
}

impl Database {
    async fn rows(&self, question: &Question) -> Result<Rows, Trouble> {
        if let Some(mut connection) = self.take() {
            match connection.rows(question).await {
                // it lay idle for too long for the database; a new one is made once
                Err(Trouble::Lost(_)) => self.idle.lock().clear(),
                Ok(rows) => return Ok(self.put(connection, rows)),
                Err(trouble) => return Err(trouble),
            }
        }
        let mut connection = self.address.connect().await?;
        let rows = connection.rows(question).await?;
        Ok(self.put(connection, rows))
    }

    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock();
        idle.retain(|(since, _)| since.elapsed() < IDLE);
        idle.pop().map(|(_, connection)| connection)
    }

    /// Keeps a connection that has ended its transaction.
    fn put(&self, connection: Connection, rows: Rows) -> Rows {
        self.idle.lock().push((Instant::now(), connection));
        rows
    }
}

/// The key, as it is bound.
enum Key {
    Number(i64),
    Text(String),
}

/// What is asked, ready to be bound.
struct Question {
    /// The query as PostgreSQL marks parameters.
    #[cfg(feature = "postgres")]
    numbered: String,
    /// As the others do.
    marked: String,
    gaps: usize,
    key: Key,
    /// The columns, by name; the first where there is none.
    columns: Vec<Option<CompactString>>,
    deadline: Instant,
}

/// The values of the columns, row by row.
type Rows = Vec<Vec<Option<String>>>;

impl Question {
    fn of(lookup: &Lookup, sql: &Sql, key: &str, deadline: Instant) -> Result<Self, Found> {
        let key = match lookup.key {
            ParamType::Int => Key::Number(key.parse().map_err(|_| failed("the key is larger than a database takes"))?),
            _ => Key::Text(key.to_owned()),
        };
        let column = |extractor: &Extractor| if let Extractor::Column(name) = extractor { name.clone() } else { None };
        Ok(Self {
            #[cfg(feature = "postgres")]
            numbered: sql.query.text(|at| format!("${at}")),
            marked: sql.query.text(|_| "?".to_owned()),
            gaps: sql.query.gaps(),
            key,
            columns: lookup.values.iter().map(|value| column(&value.extractor)).collect(),
            deadline,
        })
    }

    /// The milliseconds that a statement may take. A little more than is left: whoever asked is answered by then, and this only
    /// makes an end of the work.
    fn left(&self) -> u128 {
        (self.deadline.saturating_duration_since(Instant::now()) + GRACE).as_millis()
    }
}

/// Where a database is.
enum Address {
    Sqlite(Box<SqliteConnectOptions>),
    #[cfg(feature = "postgres")]
    Postgres(Box<sqlx::postgres::PgConnectOptions>),
    #[cfg(feature = "mysql")]
    Mysql(Box<sqlx::mysql::MySqlConnectOptions>),
}

/// A connection to a database, in no transaction.
enum Connection {
    Sqlite(SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(Box<sqlx::postgres::PgConnection>),
    #[cfg(feature = "mysql")]
    Mysql(Box<sqlx::mysql::MySqlConnection>, Flavour),
}

/// Which of the two it is, since each ends long statements in its own way.
#[cfg(feature = "mysql")]
#[derive(Clone, Copy)]
enum Flavour {
    Mysql,
    Mariadb,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong, without the address.
    fn parse(url: &str) -> Result<Self, &'static str> {
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

    async fn connect(&self) -> Result<Connection, Trouble> {
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
    async fn rows(&mut self, question: &Question) -> Result<Rows, Trouble> {
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
