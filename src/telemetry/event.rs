//! What happens on a core and what is open on it: closed lists, each bound to its metric and label.

use super::name::{self, Definition};

macro_rules! kinds {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $name:ident = $definition:ident [$($label:literal)?];)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($(#[$doc])* $name,)* }

        impl $type {
            pub(super) const ALL: &'static [Self] = &[$(Self::$name),*];

            pub(super) fn definition(self) -> (&'static Definition, &'static [&'static str]) {
                match self { $(Self::$name => (&name::$definition, &[$($label)?]),)* }
            }
        }
    };
}

kinds! {
    /// Something that happened on a core.
    Event {
        /// A connection that speaks HTTP/1.1.
        Http1 = CONNECTIONS ["http1"];
        /// A connection that speaks HTTP/2.
        Http2 = CONNECTIONS ["http2"];
        /// A plain connection that is only redirected.
        Redirect = CONNECTIONS ["redirect"];
        /// Closed at once: the limit of connections.
        RefusedLimit = CONNECTIONS_REFUSED ["limit"];
        /// Closed at once: the limit of connections of one client.
        RefusedClientLimit = CONNECTIONS_REFUSED ["client-limit"];
        /// Closed at once: a PROXY protocol header that is missing, malformed, late, or from an untrusted peer.
        RefusedProxyProtocol = CONNECTIONS_REFUSED ["proxy-protocol"];
        /// Closed at once: the gateway drains.
        RefusedDraining = CONNECTIONS_REFUSED ["draining"];
        /// Accepting failed, for example for want of descriptors.
        RefusedAccept = CONNECTIONS_REFUSED ["accept"];
        /// Ended: HTTP/2 resets, errors, or frames that ask for nothing, without end.
        CutFlood = CONNECTIONS_CUT ["flood"];
        /// Ended: too slow in sending a head or body, or in reading an answer.
        CutSlow = CONNECTIONS_CUT ["slow"];
        /// Ended: no request came.
        CutNoRequest = CONNECTIONS_CUT ["no-request"];
        /// Ended: no further request came.
        CutIdle = CONNECTIONS_CUT ["idle"];
        /// Ended: bytes that are not HTTP.
        CutProtocol = CONNECTIONS_CUT ["protocol"];
        /// A tunnel ended because one side closed it.
        TunnelEnded = TUNNELS_CLOSED ["ended"];
        /// A tunnel ended because it stayed silent.
        TunnelIdle = TUNNELS_CLOSED ["idle"];
        /// A tunnel was closed because it is no longer permitted.
        TunnelRevoked = TUNNELS_CLOSED ["revoked"];
        /// A tunnel was closed because of a message that is too large, or of bytes that are no WebSocket.
        TunnelRefused = TUNNELS_CLOSED ["refused"];
        /// A TLS 1.2 handshake.
        Tls12 = HANDSHAKES ["1.2"];
        /// A TLS 1.3 handshake.
        Tls13 = HANDSHAKES ["1.3"];
        /// A handshake (already counted by version) that resumed a session.
        TlsResumed = HANDSHAKES_RESUMED [];
        /// A handshake that took too long.
        TlsTimeout = HANDSHAKE_FAILURES ["timeout"];
        /// A handshake that the client broke off.
        TlsClosed = HANDSHAKE_FAILURES ["closed"];
        /// A handshake without a common version, cipher or protocol, or that was not TLS.
        TlsProtocol = HANDSHAKE_FAILURES ["protocol"];
        /// A handshake for a name without a certificate.
        TlsName = HANDSHAKE_FAILURES ["name"];
        /// A handshake with a client certificate that does not verify.
        TlsClientCertificate = HANDSHAKE_FAILURES ["client-certificate"];
    }
}

kinds! {
    /// Something that is open on a core.
    Level {
        /// A request whose answer has not ended.
        Request = REQUESTS_IN_FLIGHT [];
        /// An HTTP/1.1 connection.
        Http1 = CONNECTIONS_OPEN ["http1"];
        /// An HTTP/2 connection.
        Http2 = CONNECTIONS_OPEN ["http2"];
        /// An HTTP/2 stream.
        Stream = STREAMS_OPEN [];
        /// A tunnel.
        Tunnel = TUNNELS_OPEN [];
    }
}
