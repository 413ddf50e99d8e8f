//! Asking the application's database about objects: one read-only query, on the background runtime, over a few connections that
//! are made when they are needed. Never writes, and never tells the address or the password of a database.

mod connection;

use std::sync::Arc;
use std::time::{Duration, Instant};

use compact_str::CompactString;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use self::connection::{Address, Connection};
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
