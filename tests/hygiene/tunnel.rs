//! WebSockets: for pages of the right origin alone, with messages of a bounded size, and counted.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use crate::world::{KEY, World};

const RULES: &str = "routes:
  - {id: live, match: GET /live, permission: stock:view, upgrade: websocket}
  - {id: feed, match: GET /feed, permission: stock:view, upgrade: websocket, origins: [\"https://intranet.test\"]}
  - {id: plain, match: GET /plain, permission: stock:view}
";

type Stream = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// Asks for a WebSocket; the head of what is answered, and the connection.
fn ask(world: &World, target: &str, fields: &str) -> (String, Stream) {
    let name = rustls::pki_types::ServerName::try_from("wms.test").unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(world.config()), name).unwrap();
    let socket = TcpStream::connect(world.address).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, socket);
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: wms.test\r\nX-Api-Key: {KEY}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    (String::from_utf8(head).unwrap(), stream)
}

/// A text frame of a client under the mask of zeros.
fn frame(size: u16) -> Vec<u8> {
    let mut bytes = [&[0x81, 0x80 | 126][..], &size.to_be_bytes(), &[0; 4]].concat();
    bytes.resize(bytes.len() + usize::from(size), b'x');
    bytes
}

#[test]
fn a_page_of_another_origin_gets_no_tunnel_to_the_application() {
    let world = World::new(RULES);
    for (target, origin) in [
        ("/live", "https://evil.test"),
        ("/live", "http://wms.test"),
        ("/live", "https://wms.test:8443"),
        ("/live", "null"),
        ("/feed", "https://wms.test"),
        ("/plain", "https://wms.test"),
    ] {
        let (head, _) = ask(&world, target, &format!("Origin: {origin}\r\n"));
        assert!(head.starts_with("HTTP/1.1 403 ") && head.contains("upgrade-refused"), "{origin}: {head}");
    }
    assert!(world.application.take().is_empty());
    for (target, fields) in
        [("/live", "Origin: https://wms.test\r\n"), ("/live", ""), ("/feed", "Origin: https://intranet.test\r\n")]
    {
        let (head, _) = ask(&world, target, fields);
        assert!(head.starts_with("HTTP/1.1 101 "), "{target} {fields}: {head}");
    }
}

#[test]
fn a_message_beyond_the_limit_ends_the_tunnel() {
    let world = World::with(RULES, |settings| settings.limits.websocket_message = 1000);
    let (_, mut small) = ask(&world, "/live", "");
    assert_eq!(world.metric("scopegate_tunnels_open"), 1);
    small.write_all(&frame(1000)).unwrap();
    // the application sends back what it got, which is masked and so no frame of a server: that ends it, too
    let mut echoed = Vec::new();
    let _ = small.read_to_end(&mut echoed);
    let (_, mut large) = ask(&world, "/live", "");
    large.write_all(&frame(1001)).unwrap();
    let mut nothing = Vec::new();
    let _ = large.read_to_end(&mut nothing);
    assert!(echoed.is_empty() && nothing.is_empty());
    world.await_metric("scopegate_tunnels_closed_total{cause=\"refused\"}", 2);
    world.await_metric("scopegate_tunnels_open", 0);
    let application = world.application.clone();
    let records = world.end();
    let told = |reason: &str| records.iter().filter(|record| record["late_reason"] == reason).count();
    assert_eq!((told("malformed-framing"), told("body-too-large")), (1, 1), "{records:#?}");
    assert_eq!(application.tunnelled(), frame(1000), "nothing of the large message reached the application");
}
