//! A small blocking HTTPS client with a cookie jar: what a person's browser does, without following anything by itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};

/// What came back, as the person sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The reason code of a refusal by the gateway.
    pub fn reason(&self) -> Option<&str> {
        self.field("x-scopegate-reason")
    }
}

/// A connection over TLS.
pub type Stream = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// A person at a browser, at one application.
pub struct Browser {
    address: SocketAddr,
    host: String,
    tls: Arc<rustls::ClientConfig>,
    jar: Vec<(String, String)>,
    fields: Vec<(String, String)>,
}

fn client_config(root: &CertificateDer<'static>) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

impl Browser {
    pub fn new(address: SocketAddr, host: &str, root: &CertificateDer<'static>) -> Self {
        Self { address, host: host.to_owned(), tls: client_config(root), jar: Vec::new(), fields: Vec::new() }
    }

    /// The same person with one more field in every request.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The `Cookie` field as it is sent.
    pub fn cookies(&self) -> String {
        let cookies: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        cookies.join("; ")
    }

    /// The fields that every request carries.
    pub fn own_fields(&self) -> &[(String, String)] {
        &self.fields
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is needed to connect in another way, with nothing agreed on protocols.
    pub fn tls(&self) -> rustls::ClientConfig {
        rustls::ClientConfig::clone(&self.tls)
    }

    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.jar.retain(|(n, _)| n != name);
        if !value.is_empty() {
            self.jar.push((name.to_owned(), value.to_owned()));
        }
    }

    pub fn get(&mut self, target: &str) -> Seen {
        self.send("GET", target, &[], b"")
    }

    pub fn post(&mut self, target: &str, form: &[(&str, &str)]) -> Seen {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.send("POST", target, &[("Content-Type", "application/x-www-form-urlencoded")], body.as_bytes())
    }

    pub fn json(&mut self, method: &str, target: &str, body: &serde_json::Value) -> Seen {
        self.send(method, target, &[("Content-Type", "application/json")], body.to_string().as_bytes())
    }

    /// Sends one request on a connection of its own and reads the answer to its end.
    pub fn send(&mut self, method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Seen {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host);
        if !self.jar.is_empty() {
            head += &format!("Cookie: {}\r\n", self.cookies());
        }
        for (name, value) in self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain(fields.iter().copied()) {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || method == "POST" || method == "PUT" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        let seen = self.exchange(&[head.as_bytes(), b"\r\n", body].concat());
        self.keep_cookies(&seen);
        seen
    }

    /// Puts what an answer sets into the jar.
    pub fn keep_cookies(&mut self, seen: &Seen) {
        for (name, value) in &seen.fields {
            if name.eq_ignore_ascii_case("set-cookie") {
                let pair = value.split(';').next().unwrap_or_default();
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let gone = value.is_empty();
                let (name, value) =
                    (name.trim().to_owned(), if gone { String::new() } else { value.trim().to_owned() });
                self.set_cookie(&name, &value);
            }
        }
    }

    /// Sends raw bytes and reads whatever comes until the gateway closes.
    pub fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        heard(&mut self.connect(), &[bytes])
    }

    /// A connection on which nothing has been said yet.
    pub fn connect(&self) -> Stream {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let name = ServerName::try_from(self.host.clone()).unwrap();
        let connection = rustls::ClientConnection::new(Arc::clone(&self.tls), name).unwrap();
        rustls::StreamOwned::new(connection, socket)
    }

    fn exchange(&self, request: &[u8]) -> Seen {
        let answer = self.raw(request);
        parse(&answer).unwrap_or_else(|| panic!("not an answer: {:?}", String::from_utf8_lossy(&answer)))
    }
}

/// Writes these bytes and reads whatever comes until the gateway closes.
fn heard(stream: &mut Stream, bytes: &[&[u8]]) -> Vec<u8> {
    // A gateway that has answered need not read the rest.
    let _ = bytes.iter().try_for_each(|bytes| stream.write_all(bytes));
    let mut answer = Vec::new();
    // A server that closes without close_notify still has said what it has said.
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// Writes these bytes on a connection that is there already, and reads one answer up to the close.
pub fn exchange(stream: &mut Stream, bytes: &[&[u8]]) -> Option<Seen> {
    parse(&heard(stream, bytes))
}

/// Writes these bytes, says that there are no more, and reads whatever comes.
pub fn send_and_end(stream: &mut Stream, bytes: &[u8]) -> Vec<u8> {
    stream.write_all(bytes).unwrap();
    stream.conn.send_close_notify();
    let _ = stream.flush();
    heard(stream, &[])
}

/// Reads one answer; the body is decoded from chunks where it is chunked.
pub fn parse(answer: &[u8]) -> Option<Seen> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(answer).ok()? else { return None };
    let fields: Vec<(String, String)> = response
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let rest = &answer[length..];
    let chunked = fields.iter().any(|(n, v)| n.eq_ignore_ascii_case("transfer-encoding") && v == "chunked");
    let body = if chunked { dechunk(rest)? } else { rest.to_vec() };
    Some(Seen { status: response.code?, fields, body })
}

fn dechunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(end + 2..end + 2 + size)?);
        bytes = bytes.get(end + 2 + size + 2..)?;
    }
}
