//! A running demo for a story: the gateway with its three applications, people at browsers, and the journal; asserts nothing itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use scopegate::cli::demo::Demo;
use scopegate::config::Settings;
use scopegate::demo::data::{PASSWORD, World};
use scopegate::demo::legacy::{Log, Received};
use scopegate::model::{Clock, Revision, SystemClock, Timestamp};
use serde_json::Value;

use super::browser::{Browser, Seen, parse};

pub const WMS: &str = "wms.localhost";
pub const ERP: &str = "erp.localhost";
pub const CRM: &str = "crm.localhost";

/// The field that tells one story's requests from another's where they share a house.
const MARK: &str = "x-story";

/// A clock that stands where it is put.
pub struct Hands(AtomicI64);

impl Hands {
    pub fn at(instant: &str) -> Arc<Self> {
        let hands = Self(AtomicI64::new(0));
        hands.put(instant);
        Arc::new(hands)
    }

    pub fn put(&self, instant: &str) {
        let instant: jiff::Timestamp = instant.parse().unwrap();
        self.0.store(instant.as_microsecond(), Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// The demo, and the folder that goes with it.
pub struct House {
    pub demo: Demo,
    // INVARIANT: dropped after the demo.
    _folder: Option<tempfile::TempDir>,
}

impl House {
    /// A house of one's own: for stories that change rules, people or the clock, or that count every byte received.
    pub fn open() -> Self {
        Self::open_at(Arc::new(SystemClock), |_| {})
    }

    pub fn open_at(clock: Arc<dyn Clock>, adjust: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut house = Self::open_in(folder.path(), clock, adjust);
        house._folder = Some(folder);
        house
    }

    /// A house of one's own whose applications hold `world`.
    pub fn of(world: World) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let demo = Demo::open_on(folder.path(), loopback, Arc::new(SystemClock), world, |settings| {
            settings.workers = std::num::NonZeroUsize::MIN;
        })
        .unwrap();
        Self { demo, _folder: Some(folder) }
    }

    /// In a folder that outlives the house.
    pub fn open_in(folder: &Path, clock: Arc<dyn Clock>, adjust: impl FnOnce(&mut Settings)) -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let demo = Demo::open_at(folder, loopback, clock, |settings| {
            settings.workers = std::num::NonZeroUsize::new(2).unwrap();
            adjust(settings);
        })
        .unwrap();
        Self { demo, _folder: None }
    }

    /// The house that stories share which change nothing but their own session. It stands until the process ends.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<House> = LazyLock::new(|| {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stories");
            std::fs::create_dir_all(&folder).unwrap();
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let process = Path::new("/proc").join(path.file_name().unwrap());
                if !process.exists() {
                    // Another process may have been quicker.
                    let _ = std::fs::remove_dir_all(path);
                }
            }
            House::open_in(&folder.join(std::process::id().to_string()), Arc::new(SystemClock), |_| {})
        });
        &SHARED
    }

    /// Somebody at a browser, not signed in.
    pub fn visitor(&self, host: &'static str) -> Person<'_> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mark = format!("story{}x", NEXT.fetch_add(1, Ordering::Relaxed));
        let browser = Browser::new(self.demo.address().unwrap(), host, &self.demo.authority).with(MARK, &mark);
        Person { house: self, host, mark, browser }
    }

    /// Somebody who has signed in to one of the applications.
    pub fn person(&self, host: &'static str, account: &str) -> Person<'_> {
        let mut person = self.visitor(host);
        let seen = person.sign_in(account, PASSWORD);
        assert!(matches!(seen.status, 200 | 302), "{account} could not sign in: {seen:?}");
        // What is asserted later begins after the sign-in.
        person.received();
        person
    }

    pub fn log(&self, host: &str) -> &Log {
        match host {
            WMS => &self.demo.wms,
            ERP => &self.demo.erp,
            _ => &self.demo.crm,
        }
    }

    /// The file of a rule set, as it lies on the disk.
    pub fn rules(&self, file: &str) -> PathBuf {
        self.demo.folder.join("routes").join(file)
    }

    /// Replaces a text in a rule file; it must be there.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.rules(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "`{from}` is not in {file}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Puts the changed rules in force without the policy tests beside them, whose expectations the story has changed.
    pub fn reload_untested(&self) -> Revision {
        let tests = self.rules("demo_test.yaml");
        if tests.exists() {
            std::fs::remove_file(tests).unwrap();
        }
        self.demo.gateway.reload().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Every record of the journal that is on the disk, in the order of the files.
    pub fn journal(&self) -> Vec<Value> {
        let mut files = Vec::new();
        let mut folders = vec![self.demo.folder.join("journal")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "jsonl") {
                    files.push(path);
                }
            }
        }
        files.sort();
        let mut records = Vec::new();
        for file in files {
            let text = std::fs::read(file).unwrap();
            // Another core may be in the middle of a line, which then is nobody's that is asked for.
            records.extend(text.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()));
        }
        records
    }

    /// The decision about one request.
    pub fn decision(&self, request: &str) -> Value {
        let of = |record: &Value| record["kind"] == "decision" && record["request"] == request;
        let found: Vec<Value> = self.journal().into_iter().filter(of).collect();
        assert_eq!(found.len(), 1, "one decision about {request}");
        found[0].clone()
    }

    /// Freezes somebody, as an administrator would.
    pub fn freeze(&self, account: &str) {
        use scopegate::store::ports::Freeze;
        let directory = Arc::clone(self.demo.gateway.directory());
        let freeze = Freeze::now(scopegate::model::SubjectId::new(account), &SystemClock, "a story");
        let frozen = self.demo.gateway.background().spawn(async move { directory.freeze(freeze).await });
        self.demo.gateway.background().block_on(frozen).unwrap().unwrap();
    }
}

/// Somebody at a browser, at one application.
pub struct Person<'a> {
    pub house: &'a House,
    pub host: &'static str,
    pub mark: String,
    pub browser: Browser,
}

impl Person<'_> {
    /// The same person at a browser that shows pages, in a language.
    pub fn reading(mut self, language: &str) -> Self {
        self.browser = self.browser.with("Accept", "text/html,*/*;q=0.8").with("Accept-Language", language);
        self
    }

    /// The same person with one more field in every request.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.browser = self.browser.with(name, value);
        self
    }

    pub fn get(&mut self, target: &str) -> Seen {
        self.browser.get(target)
    }

    pub fn post(&mut self, target: &str, form: &[(&str, &str)]) -> Seen {
        self.browser.post(target, form)
    }

    /// Writes a request line and further fields as they are, with the host, the session and the mark of this person.
    pub fn raw(&self, line: &str, fields: &str, body: &str) -> Option<Seen> {
        parse(&self.browser.raw(self.head(line, fields, body).as_bytes()))
    }

    /// The bytes that [`Person::raw`] writes.
    pub fn head(&self, line: &str, fields: &str, body: &str) -> String {
        let (host, mark, cookies) = (self.host, &self.mark, self.browser.cookies());
        let cookie = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
        format!("{line}\r\nHost: {host}\r\nConnection: close\r\nX-Story: {mark}\r\n{cookie}{fields}\r\n{body}")
    }

    /// Asserts that a refusal is a page that says this.
    #[track_caller]
    pub fn reads(seen: &Seen, texts: &[&str]) {
        let page = seen.text();
        assert_eq!(seen.field("content-type"), Some("text/html; charset=utf-8"));
        for text in texts {
            assert!(page.contains(text), "`{text}` is not on the page: {page}");
        }
    }

    /// Fills in the application's own sign-in form.
    pub fn sign_in(&mut self, account: &str, password: &str) -> Seen {
        match self.host {
            WMS => self.browser.post("/wms/login.do", &[("username", account), ("password", password)]),
            ERP => self.browser.post("/erp/login.php", &[("user", account), ("pass", password)]),
            _ => {
                let body = serde_json::json!({"user": account, "password": password});
                self.browser.json("POST", "/api/session", &body)
            }
        }
    }

    /// What any application received from this person, since the last time this was asked: what bears the mark of the
    /// person in a field or, for a request that was hidden in another one, in its target.
    pub fn received(&mut self) -> Vec<Received> {
        let mark = self.mark.as_str();
        let own = |received: &Received| received.field(MARK).contains(&mark) || received.target.contains(mark);
        [WMS, ERP, CRM].into_iter().flat_map(|host| self.house.log(host).take_where(own)).collect()
    }

    /// Asserts that this target is refused with one of these reasons, and that nothing reached an application.
    #[track_caller]
    pub fn refuses(&mut self, targets: &[&str], reason: &str) {
        let status = scopegate::model::Reason::parse(reason).unwrap().status();
        for target in targets {
            let seen = self.raw(&format!("GET {target} HTTP/1.1"), "", "").unwrap_or_else(|| panic!("{target}"));
            assert_eq!((seen.status, seen.reason()), (status, Some(reason)), "{target}");
            assert!(self.received().is_empty(), "{target}");
        }
    }

    /// The one request that the application received from this person.
    pub fn one(&mut self) -> Received {
        let received = self.received();
        assert_eq!(received.len(), 1, "the application received exactly one request: {received:?}");
        received[0].clone()
    }

    /// The decision about a request that the application received.
    pub fn decided(&self, received: &Received) -> Value {
        self.house.decision(received.field("x-request-id")[0])
    }

    /// Asserts that the request was refused for this reason, that the application received nothing, and gives the record.
    #[track_caller]
    pub fn refused(&mut self, seen: &Seen, status: u16, reason: &str) -> Value {
        assert_eq!((seen.status, seen.reason()), (status, Some(reason)), "{}", seen.text());
        let received = self.received();
        assert!(received.is_empty(), "the application received what was refused: {received:?}");
        let record = self.house.decision(seen.field("x-request-id").unwrap());
        assert_eq!((&record["decision"], &record["reason"]), (&"refuse".into(), &reason.into()));
        record
    }

    /// Asserts that the request was permitted and reached the application with this method and target; gives the record.
    #[track_caller]
    pub fn permitted(&mut self, seen: &Seen, method: &str, target: &str) -> (Received, Value) {
        assert_eq!(seen.reason(), None, "{}", seen.text());
        let received = self.one();
        assert_eq!((received.method.as_str(), received.target.as_str()), (method, target));
        let record = self.decided(&received);
        assert_eq!(record["decision"], "permit");
        (received, record)
    }
}

/// Asserts that a record holds these members.
#[track_caller]
pub fn tells(record: &Value, members: &Value) {
    for (name, value) in members.as_object().unwrap() {
        assert_eq!(&record[name], value, "`{name}` of {record:#}");
    }
}
