//! Real database servers for a test: started in a folder of their own on a Unix socket, as a user without rights, and ended with it.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a server may take to begin: a failing one fails the test, and never lasts.
const BEGIN: Duration = Duration::from_secs(90);
/// `nobody`, as whom servers run where the tests run as root, which they refuse to.
const NOBODY: u32 = 65534;

/// What is in each of them.
const TABLES: &str = "
create table orders (id bigint primary key, warehouse varchar(20), channel char(8), number varchar(20));
insert into orders values (5, 'HF', 'web', 'A-5'), (6, 'SH', 'shop', 'A-6'), (7, null, 'web', 'A-7'), (8, 'BJ', 'web', 'A-8');
";

/// A database that answers until it is dropped.
pub struct Database {
    pub url: String,
    folder: tempfile::TempDir,
    server: Option<Server>,
}

enum Server {
    Postgres { bin: PathBuf },
    Mariadb(Child),
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command of a server, as a user without rights.
fn command(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
    command
}

fn run(command: &mut Command) {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {stdout}{stderr}");
}

/// A short name, since the address of a socket is at most 107 bytes long.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("sg").tempdir_in("/tmp").unwrap();
    if is_root() {
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    folder
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = folder();
        let file = folder.path().join("orders.db");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            use sqlx::{ConnectOptions, Connection};
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).create_if_missing(true);
            let mut connection = options.connect().await.unwrap();
            sqlx::raw_sql(TABLES).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
        Self { url: format!("sqlite:{}", file.display()), folder, server: None }
    }

    pub fn postgres() -> Self {
        let found = std::fs::read_dir("/usr/lib/postgresql").expect("install `postgresql`: see tests/run.sh");
        let bin = found.map(|entry| entry.unwrap().path().join("bin")).find(|bin| bin.join("initdb").exists()).unwrap();
        let folder = folder();
        let (data, password) = (folder.path().join("data"), folder.path().join("password"));
        write(&password, "s3cret");
        run(command(&bin.join("initdb"))
            .args(["--no-sync", "-U", "app", "-A", "scram-sha-256"])
            .arg("-D")
            .arg(&data)
            .arg(format!("--pwfile={}", password.display())));
        let url = format!("postgres://app:s3cret@localhost/postgres?host={}", folder.path().display());
        let database = Self { url, folder, server: Some(Server::Postgres { bin }) };
        database.begin_postgres();
        let tables = database.folder.path().join("tables.sql");
        write(&tables, TABLES);
        run(Command::new("psql")
            .env("PGPASSWORD", "s3cret")
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-U", "app", "-d", "postgres", "-h"])
            .arg(database.folder.path())
            .arg("-f")
            .arg(&tables));
        database
    }

    /// Returns when the server answers; `pg_ctl` waits for that, within its time.
    fn begin_postgres(&self) {
        let Some(Server::Postgres { bin }) = &self.server else { panic!("not PostgreSQL") };
        let options = format!("-k {} -c listen_addresses= -c fsync=off", self.folder.path().display());
        run(command(&bin.join("pg_ctl"))
            .args(["-s", "-w", "-t", &BEGIN.as_secs().to_string(), "-o", &options])
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-l")
            .arg(self.folder.path().join("log"))
            .arg("start"));
    }

    pub fn mariadb() -> Self {
        let folder = folder();
        let data = folder.path().join("data");
        run(command(Path::new("mariadb-install-db"))
            .args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"])
            .arg(format!("--datadir={}", data.display())));
        let accounts = "create database shop;\ncreate user app@localhost identified by 's3cret';\ngrant all on shop.* to app@localhost;\nuse shop;\n";
        // each statement on a line of its own, as the server reads the file
        let tables: String = TABLES.lines().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect();
        let function = "create function spoil(k bigint) returns varchar(20) modifies sql data begin delete from orders where id = k; return 'HF'; end;\n";
        write(&folder.path().join("tables.sql"), &format!("{accounts}{tables}{function}"));
        let socket = folder.path().join("socket");
        let url = format!("mysql://app:s3cret@localhost/shop?socket={}", socket.display());
        let mut database = Self { url, folder, server: None };
        database.begin_mariadb(true);
        database
    }

    fn begin_mariadb(&mut self, first: bool) {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let server =
            ["/usr/sbin/mariadbd", "/usr/libexec/mariadbd"].map(Path::new).into_iter().find(|path| path.exists());
        let mut command = command(server.expect("install `mariadb-server`: see tests/run.sh"));
        command.args(["--no-defaults", "--skip-networking"]);
        command.arg(format!("--datadir={}", at("data"))).arg(format!("--socket={}", at("socket")));
        command.arg(format!("--pid-file={}", at("pid")));
        if first {
            command.arg(format!("--init-file={}", at("tables.sql")));
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, told) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // reads to the end, so that the server never waits for somebody to take what it says
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        self.server = Some(Server::Mariadb(child));
        let mut said = Vec::new();
        let until = std::time::Instant::now() + BEGIN;
        loop {
            let left = until.saturating_duration_since(std::time::Instant::now());
            // an end of what it says is the end of the server
            let line = told.recv_timeout(left).unwrap_or_else(|_| panic!("MariaDB does not begin: {said:#?}"));
            if line.contains("ready for connections") {
                return;
            }
            said.push(line);
        }
    }

    /// Locks the orders, so that every question about them stalls until the lock is dropped.
    pub fn lock(&self) -> Lock {
        let statement = match self.url.split(':').next().unwrap() {
            "sqlite" => "begin exclusive",
            "postgres" => "begin; lock table orders in access exclusive mode",
            _ => "lock tables orders write",
        };
        macro_rules! hold {
            ($kind:ty, $url:expr, $locked:expr, $over:expr) => {{
                let mut connection = <$kind as sqlx::Connection>::connect(&$url).await.unwrap();
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
                $locked.send(()).unwrap();
                // whoever drops the lock says nothing
                let _ = $over.await;
                sqlx::Connection::close(connection).await.unwrap();
            }};
        }
        let (url, (locked, is_locked)) = (self.url.clone(), mpsc::channel());
        let (over, is_over) = tokio::sync::oneshot::channel::<()>();
        let holding = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                match url.split(':').next().unwrap() {
                    "sqlite" => hold!(sqlx::SqliteConnection, url, locked, is_over),
                    "postgres" => hold!(sqlx::PgConnection, url, locked, is_over),
                    _ => hold!(sqlx::MySqlConnection, url, locked, is_over),
                }
            });
        });
        is_locked.recv().unwrap();
        Lock { over: Some(over), holding: Some(holding) }
    }

    /// Ends the server; its data stays.
    pub fn end(&mut self) {
        match &mut self.server {
            None => {}
            Some(Server::Postgres { bin }) => {
                let mut stop = command(&bin.join("pg_ctl"));
                run(stop
                    .args(["-s", "-w", "-m", "immediate"])
                    .arg("-D")
                    .arg(self.folder.path().join("data"))
                    .arg("stop"));
            }
            Some(Server::Mariadb(child)) => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
    }

    /// Begins it again.
    pub fn begin(&mut self) {
        match &self.server {
            None => {}
            Some(Server::Postgres { .. }) => self.begin_postgres(),
            Some(Server::Mariadb(_)) => self.begin_mariadb(false),
        }
    }
}

/// A lock on the orders.
pub struct Lock {
    over: Option<tokio::sync::oneshot::Sender<()>>,
    holding: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.over = None;
        if let Some(holding) = self.holding.take() {
            holding.join().unwrap();
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match &mut self.server {
            None => {}
            // Nothing is left to be told of a failure.
            Some(Server::Postgres { bin }) => {
                let data = self.folder.path().join("data");
                let _ =
                    command(&bin.join("pg_ctl")).args(["-s", "-m", "immediate", "stop"]).arg("-D").arg(data).output();
            }
            Some(Server::Mariadb(child)) => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}
