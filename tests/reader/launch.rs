//! Starts the real readers, each on a free loopback port, and ends them with the process; asserts nothing about what they read.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The readers that can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Php,
    Servlet,
    Django,
    Werkzeug,
    Node,
    CgiPm,
}

impl Kind {
    pub const ALL: [Self; 6] = [Self::Php, Self::Servlet, Self::Django, Self::Werkzeug, Self::Node, Self::CgiPm];

    /// Where it listens; it is started on first use.
    pub fn address(self) -> SocketAddr {
        static APACHE: OnceLock<([Process; 2], [SocketAddr; 2])> = OnceLock::new();
        static OTHERS: [OnceLock<(Process, SocketAddr)>; 4] = [const { OnceLock::new() }; 4];
        let other = |slot: usize, start: fn() -> (Process, SocketAddr)| OTHERS[slot].get_or_init(start).1;
        match self {
            Self::Php => APACHE.get_or_init(apache).1[0],
            Self::CgiPm => APACHE.get_or_init(apache).1[1],
            Self::Servlet => other(0, tomcat),
            Self::Django => other(1, || gunicorn("django_reader")),
            Self::Werkzeug => other(2, || gunicorn("werkzeug_reader")),
            Self::Node => other(3, node),
        }
    }
}

/// A running program. When this process ends, however it does, the pipe closes and the watching shell ends the program.
struct Process {
    _watch: Child,
}

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn program(name: &str) -> PathBuf {
    checkout().join("tests/reader/program").join(name)
}

/// The folder with the environments, made ready on first use.
fn ready() -> &'static Path {
    static READY: OnceLock<PathBuf> = OnceLock::new();
    READY.get_or_init(|| {
        let folder = checkout().join("target/reader");
        let status = Command::new(checkout().join("tests/reader/setup.sh")).arg(&folder).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "the readers could not be made ready; what is missing stands above"
        );
        folder
    })
}

/// A folder of its own for a program, that everybody may read; the watching shell removes it.
fn room() -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap().keep();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Runs `command` until this process ends, and gives what `told` finds in a line that it writes.
fn run<T>(folder: &Path, command: &Command, told: impl Fn(&str) -> Option<T>) -> (Process, T) {
    // in a session of its own: Apache ends by a signal to its whole group, which would otherwise be that of whoever runs the tests
    let mut watched = Command::new("bash");
    watched
        .arg("-c")
        .arg("setsid \"$@\" </dev/null 2>&1 & cat >/dev/null; kill $!; wait; rm -rf \"$ROOM\"")
        .arg("watch")
        .arg(command.get_program())
        .args(command.get_args())
        .env("ROOM", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    for (name, value) in command.get_envs() {
        watched.env(name, value.unwrap_or_default());
    }
    let mut watch = watched.spawn().unwrap();
    let mut said = VecDeque::new();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines().map_while(Result::ok);
    let found = lines.by_ref().find_map(|line| {
        let found = told(&line);
        said.push_back(line);
        said.truncate(200);
        found
    });
    let found = found.unwrap_or_else(|| panic!("{command:?} did not start: {said:#?}"));
    // What it says later is read on, or it would stand still on a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    (Process { _watch: watch }, found)
}

fn loopback(port: &str) -> Option<SocketAddr> {
    Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?)))
}

/// Ports that nothing listens on, below those that connections are made from.
fn free_ports() -> [u16; 2] {
    let from = 10_000 + u16::try_from(std::process::id() % 15_000).unwrap();
    let mut free = (from..32_000).filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    [free.next().unwrap(), free.next().unwrap()]
}

/// Apache with PHP as a module, and with CGI.pm by FastCGI: two hosts on two ports.
fn apache() -> ([Process; 2], [SocketAddr; 2]) {
    let folder = room();
    let perl = room();
    let mut command = Command::new("perl");
    command.arg(program("read.pl")).env("READER_SOCKET", perl.join("socket"));
    let (behind, ()) = run(&perl, &command, |line| (line == "listening").then_some(()));
    for (host, name) in [("php", "echo.php"), ("cgi", "read.pl")] {
        std::fs::create_dir(folder.join(host)).unwrap();
        std::fs::copy(program(name), folder.join(host).join(name)).unwrap();
    }
    let modules = Path::new("/usr/lib/apache2/modules");
    let php = std::fs::read_dir(modules).unwrap().flatten().map(|entry| entry.path());
    let php = php.filter(|path| path.to_string_lossy().contains("/libphp")).max().expect("PHP as a module of Apache");
    let ports = free_ports();
    let settings = std::fs::read_to_string(program("apache.conf"))
        .unwrap()
        .replace("@PHP@", &php.to_string_lossy())
        .replace("@SOCKET@", &perl.join("socket").to_string_lossy())
        .replace("@ROOM@", &folder.to_string_lossy())
        .replace("@PORT1@", &ports[0].to_string())
        .replace("@PORT2@", &ports[1].to_string());
    std::fs::write(folder.join("apache.conf"), settings).unwrap();
    let mut command = Command::new("/usr/sbin/apache2");
    command.arg("-DFOREGROUND").arg("-f").arg(folder.join("apache.conf"));
    let (process, ()) = run(&folder, &command, |line| line.contains("resuming normal operations").then_some(()));
    ([process, behind], ports.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
}

/// Tomcat with one page for every path.
fn tomcat() -> (Process, SocketAddr) {
    const HOME: &str = "/usr/share/tomcat10";
    let folder = room();
    for below in ["conf", "webapps/ROOT/WEB-INF", "work", "temp", "logs"] {
        std::fs::create_dir_all(folder.join(below)).unwrap();
    }
    for name in ["web.xml", "echo.jsp"] {
        let page = folder.join("webapps/ROOT/WEB-INF").join(name);
        std::fs::copy(program("servlet").join("WEB-INF").join(name), page).unwrap();
    }
    std::fs::copy(program("servlet/server.xml"), folder.join("conf/server.xml")).unwrap();
    for name in ["web.xml", "catalina.properties"] {
        std::fs::copy(Path::new(HOME).join("etc").join(name), folder.join("conf").join(name)).unwrap();
    }
    let mut command = Command::new(Path::new(HOME).join("bin/catalina.sh"));
    command.arg("run").env("CATALINA_HOME", HOME).env("CATALINA_BASE", &folder);
    command.env("CATALINA_OPTS", "-XX:TieredStopAtLevel=1 -Xmx256m -Djava.awt.headless=true");
    run(&folder, &command, |line| {
        let (_, port) = line.split_once("Starting ProtocolHandler")?.1.rsplit_once('-')?;
        loopback(port.trim_end_matches(['"', ']']))
    })
}

fn gunicorn(module: &str) -> (Process, SocketAddr) {
    let folder = room();
    let mut command = Command::new(ready().join("python/bin/python"));
    command
        .args(["-m", "gunicorn", "--pythonpath"])
        .arg(program(""))
        .args(["--bind", "127.0.0.1:0", "--worker-class", "gthread", "--threads", "8", "--keep-alive", "600"])
        .arg("--worker-tmp-dir")
        .arg(&folder)
        .arg(format!("{module}:application"))
        .env("PYTHONPYCACHEPREFIX", ready().join("bytecode"));
    run(&folder, &command, |line| loopback(line.split_once("Listening at: http://127.0.0.1:")?.1.split(' ').next()?))
}

fn node() -> (Process, SocketAddr) {
    let mut command = Command::new("node");
    command.arg(program("echo.js")).arg(ready().join("node"));
    run(&room(), &command, |line| loopback(line.strip_prefix("listening at ")?))
}
