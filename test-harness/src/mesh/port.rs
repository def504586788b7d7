//! Ports that are known before Envoy starts, and still cannot be lost to somebody else.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

/// A port of 127.0.0.1 that is ours for as long as this lives.
///
/// Sidecars must know each other's ports in advance. The port is bound here without listening, and with
/// `SO_REUSEPORT`, as Envoy binds its own: the kernel then lets Envoy in, gives the port to no one who asks
/// for any port, and passes connections only to sockets that listen.
pub struct Port {
    address: SocketAddr,
    _held: Socket,
}

impl Port {
    /// A port that nobody else has.
    ///
    /// # Errors
    ///
    /// When there is none to be had.
    pub fn reserve() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_port(true)?;
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
        let address = socket.local_addr()?.as_socket();
        let address = address.ok_or_else(|| io::Error::other("a socket of IPv4 without such an address"))?;
        Ok(Self { address, _held: socket })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
