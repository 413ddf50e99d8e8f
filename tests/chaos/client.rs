//! A blocking HTTPS client that keeps its connection and its cookies, and says plainly when a connection broke.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::NEVER;

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    fields: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Why the gateway refused, where it did.
    pub fn reason(&self) -> Option<&str> {
        self.field("x-scopegate-reason")
    }
}

/// A connection; what was read ahead stands in `buffer`.
pub struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
}

/// The way to a gateway.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    cookies: Vec<(String, String)>,
    host: String,
}

impl Client {
    pub fn new(address: SocketAddr, authority: &CertificateDer<'static>) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { address, tls: Arc::new(config), cookies: Vec::new(), host: crate::site::HOST.to_owned() }
    }

    /// The same, for another application.
    pub fn of_host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Opens a connection and shakes hands.
    pub fn connect(&self) -> io::Result<Connection> {
        self.connect_as(&[])
    }

    /// The same, offering these protocols.
    pub fn connect_as(&self, protocols: &[&str]) -> io::Result<Connection> {
        let mut tls = Arc::clone(&self.tls);
        if !protocols.is_empty() {
            Arc::make_mut(&mut tls).alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        }
        let tcp = TcpStream::connect(self.address)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(NEVER))?;
        tcp.set_write_timeout(Some(NEVER))?;
        let name = ServerName::try_from(self.host.clone()).unwrap();
        let connection = ClientConnection::new(tls, name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, tcp);
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(Connection { stream, buffer: Vec::new() })
    }

    /// Sends on a connection of its own.
    pub fn get(&mut self, target: &str) -> io::Result<Answer> {
        let mut connection = self.connect()?;
        self.get_on(&mut connection, target)
    }

    pub fn get_on(&mut self, connection: &mut Connection, target: &str) -> io::Result<Answer> {
        self.send(connection, "GET", target, None)?;
        self.receive(connection)
    }

    pub fn post(&mut self, target: &str, form: &str) -> io::Result<Answer> {
        let mut connection = self.connect()?;
        self.post_on(&mut connection, target, form)
    }

    pub fn post_on(&mut self, connection: &mut Connection, target: &str, form: &str) -> io::Result<Answer> {
        self.send(connection, "POST", target, Some(form))?;
        self.receive(connection)
    }

    /// The beginning of a head: request line, host, cookies.
    fn head(&self, method: &str, target: &str) -> String {
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.host);
        if !self.cookies.is_empty() {
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            text += &format!("Cookie: {}\r\n", cookies.join("; "));
        }
        text
    }

    /// Asks for a WebSocket.
    pub fn upgrade(&mut self, connection: &mut Connection, target: &str) -> io::Result<Answer> {
        let asks = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        connection.say((self.head("GET", target) + asks).as_bytes())?;
        self.receive_head(connection)
    }

    pub fn send(&self, connection: &mut Connection, method: &str, target: &str, form: Option<&str>) -> io::Result<()> {
        let mut text = self.head(method, target);
        match form {
            None => text += "\r\n",
            Some(form) => {
                let length = form.len();
                text += &format!(
                    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
                );
            }
        }
        connection.say(text.as_bytes())
    }

    /// Reads a whole answer.
    pub fn receive(&mut self, connection: &mut Connection) -> io::Result<Answer> {
        let mut answer = self.receive_head(connection)?;
        let mut body = Vec::new();
        if let Some(length) = answer.field("content-length").and_then(|text| text.parse::<usize>().ok()) {
            body = connection.take(length)?;
        } else if answer.field("transfer-encoding").is_some() {
            while let Some(chunk) = connection.chunk()? {
                body.extend_from_slice(&chunk);
            }
        }
        answer.body = String::from_utf8_lossy(&body).into_owned();
        Ok(answer)
    }

    /// Reads the head of an answer and keeps its cookies.
    pub fn receive_head(&mut self, connection: &mut Connection) -> io::Result<Answer> {
        let status_line = connection.line()?;
        let status = status_line.split(' ').nth(1).and_then(|text| text.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status line: {status_line:?}")))?;
        let mut fields = Vec::new();
        loop {
            let line = connection.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
            if name == "set-cookie" {
                let pair = value.split(';').next().unwrap_or_default();
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                self.set_cookie(name, value);
            }
            fields.push((name, value));
        }
        Ok(Answer { status, fields, body: String::new() })
    }

    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.retain(|(n, _)| n != name);
        self.cookies.push((name.to_owned(), value.to_owned()));
    }
}

impl Connection {
    /// The certificate that the gateway showed.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.stream.conn.peer_certificates().unwrap()[0].clone().into_owned()
    }

    /// Writes bytes as they are.
    pub fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    fn more(&mut self) -> io::Result<()> {
        let mut space = [0; 16 * 1024];
        match self.stream.read(&mut space)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.buffer.extend_from_slice(&space[..count]);
                Ok(())
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 2);
                return Ok(line);
            }
            self.more()?;
        }
    }

    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            self.more()?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// Waits until the other side has closed it; what comes before is not looked at.
    pub fn wait_for_the_end(&mut self) {
        while self.more().is_ok() {}
    }

    /// The next chunk of a chunked body; `None` at its end.
    pub fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let size = self.line()?;
        let size = usize::from_str_radix(&size, 16).map_err(|_| io::Error::other(format!("no chunk: {size:?}")))?;
        let chunk = self.take(size)?;
        self.line()?;
        Ok((size > 0).then_some(chunk))
    }
}
