//! A small WebDriver client (W3C WebDriver) for headless Chromium: finds, fills in, clicks, waits for conditions; asserts nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

/// How long a condition may take to become true.
const PATIENCE: Duration = Duration::from_secs(60);
/// The key under which WebDriver wraps elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

struct Driver {
    address: SocketAddr,
    // When this process ends, however it does, the pipe closes and the watching shell ends the driver.
    _watch: Child,
}

fn driver() -> &'static Driver {
    static DRIVER: OnceLock<Driver> = OnceLock::new();
    DRIVER.get_or_init(|| {
        let mut watch = Command::new("bash")
            .args(["-c", "chromedriver --port=0 </dev/null & cat >/dev/null; kill $!; wait"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash runs");
        let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines
            .by_ref()
            .find_map(|line| line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok());
        std::thread::spawn(move || lines.for_each(drop));
        let port: u16 =
            port.expect("chromedriver starts (Debian: chromium, chromium-driver; tests/run.sh installs them)");
        Driver { address: SocketAddr::from(([127, 0, 0, 1], port)), _watch: watch }
    })
}

/// Which screen the person sits at.
#[derive(Clone, Copy)]
pub enum Screen {
    Desktop,
    Phone,
}

/// A browser window.
pub struct Window {
    session: String,
    _profile: tempfile::TempDir,
}

impl Window {
    /// Opens a browser with a fresh profile for a reader of `language` (`en-US`, `zh-CN`).
    pub fn open(language: &str, screen: Screen) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut arguments: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--ignore-certificate-errors",
            "--hide-scrollbars",
            "--window-size=1100,760",
            // Nothing outside is looked up: what a page wants from there fails at once.
            "--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        arguments.push(format!("--lang={language}"));
        arguments.push(format!("--accept-lang={language}"));
        let mut options = json!({"args": arguments, "prefs": {"intl.accept_languages": language}});
        if let Screen::Phone = screen {
            options["mobileEmulation"] = json!({"deviceMetrics": {"width": 390, "height": 844, "pixelRatio": 2.0}});
        }
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "acceptInsecureCerts": true, "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let opened = call("POST", "/session", Some(&capabilities)).expect("a browser opens");
        Self { session: opened["sessionId"].as_str().unwrap().to_owned(), _profile: profile }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        call(method, &format!("/session/{}{path}", self.session), body)
    }

    /// Goes to an address and waits until the page is there.
    pub fn go(&self, url: &str) {
        self.ask("POST", "/url", Some(&json!({"url": url}))).unwrap();
    }

    /// The address of the page, without its origin.
    pub fn place(&self) -> String {
        self.evaluate("return location.pathname + location.search").as_str().unwrap().to_owned()
    }

    /// What a script gives back.
    pub fn evaluate(&self, script: &str) -> Value {
        self.ask("POST", "/execute/sync", Some(&json!({"script": script, "args": []}))).unwrap()
    }

    /// Waits until a script gives back `true`.
    pub fn until(&self, what: &str, script: &str) {
        let end = Instant::now() + PATIENCE;
        let mut last = Value::Null;
        while Instant::now() < end {
            // A page that is just going away answers with an error: then the next one is asked.
            match self.ask("POST", "/execute/sync", Some(&json!({"script": script, "args": []}))) {
                Ok(Value::Bool(true)) => return,
                Ok(value) => last = value,
                Err(error) => last = error.into(),
            }
            std::thread::yield_now();
        }
        panic!("{what} did not come about: {last}\n{}", self.evaluate("return document.documentElement.outerHTML"));
    }

    /// Waits until the page says `text`.
    pub fn shows(&self, text: &str) {
        self.until(&format!("`{text}`"), &format!("return document.body.innerText.includes({})", json!(text)));
    }

    /// What the page says.
    pub fn text(&self) -> String {
        self.evaluate("return document.body.innerText").as_str().unwrap().to_owned()
    }

    fn element(&self, css: &str) -> String {
        let script = format!("return document.querySelector({}) !== null", json!(css));
        self.until(css, &script);
        let found = self.ask("POST", "/element", Some(&json!({"using": "css selector", "value": css}))).unwrap();
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Types into the field that `css` selects.
    pub fn types(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.ask("POST", &format!("/element/{element}/clear"), Some(&json!({}))).unwrap();
        self.ask("POST", &format!("/element/{element}/value"), Some(&json!({"text": text}))).unwrap();
    }

    /// Clicks what `css` selects; where that leads to another page, the answer comes after it is there.
    pub fn clicks(&self, css: &str) {
        let element = self.element(css);
        self.ask("POST", &format!("/element/{element}/click"), Some(&json!({}))).unwrap();
    }

    /// Clicks the link with this text.
    pub fn follows(&self, text: &str) {
        let find = json!({"using": "partial link text", "value": text});
        let found =
            self.ask("POST", "/element", Some(&find)).unwrap_or_else(|error| panic!("{error}\n{}", self.text()));
        let element = found[ELEMENT].as_str().unwrap();
        self.ask("POST", &format!("/element/{element}/click"), Some(&json!({}))).unwrap();
    }

    /// Writes what is on the screen to `target/browser/NAME.png`.
    pub fn photographs(&self, name: &str) {
        let picture = self.ask("GET", "/screenshot", None).unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap()).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }

    /// Whether neither the page nor its content is wider than the screen.
    pub fn fits(&self) -> bool {
        self.evaluate("return [document.documentElement, ...document.querySelectorAll('main')].every(e => e.scrollWidth <= e.clientWidth)").as_bool().unwrap()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // A window that is gone already needs no closing.
        let _ = self.ask("DELETE", "", None);
    }
}

/// One command to the driver.
fn call(method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect(driver().address).unwrap();
    stream.set_read_timeout(Some(PATIENCE * 2)).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut answer = vec![0; length];
    reader.read_exact(&mut answer).unwrap();
    let mut answer: Value = serde_json::from_slice(&answer).unwrap();
    let value = answer["value"].take();
    match value.get("error").and_then(Value::as_str) {
        Some(error) => Err(format!("{error}: {}", value["message"].as_str().unwrap_or_default())),
        None => Ok(value),
    }
}
