//! What is outside, for every scenario: servers by name, and how a sidecar routes to them. Where nothing is registered,
//! calls and connections pass through to the address that the application chose, where a stranger listens.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The server at any address that is not registered.
pub const STRANGER: &str = "stranger";

/// The cluster that leads to it.
pub const PASSTHROUGH: &str = "PassthroughCluster";

/// The server that is registered by its address, and speaks first.
pub const DATABASE: &str = "db.partner.example";

/// Its address.
pub const DATABASE_AT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5)), 5432);

/// The same, of IPv6.
pub const DATABASE_AT_V6: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 5)), 5432);

/// Servers that are registered by their name, for HTTP at port 80 and TLS at port 443.
pub const NAMED: [&str; 5] = [
    "api.partner.example",
    "files.partner.example",
    "partner.example",
    "evil.example",
    "secure.partner.example",
];

/// The server that the sidecar itself begins TLS with when it is called over HTTP.
pub const ORIGINATED: &str = "secure.partner.example";

/// A service of the mesh.
pub const IN_MESH: &str = "orders.local";

/// The name of the cluster that a call is routed to, as Envoy finds it: by the authority, whatever its port.
#[must_use]
pub fn cluster_of_call(authority: &[u8]) -> String {
    let text = String::from_utf8_lossy(authority).to_ascii_lowercase();
    let host = text.rsplit_once(':').map_or(text.as_str(), |(host, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { &text }
    });
    match server_of(host) {
        Some(server) => cluster(80, server),
        None => PASSTHROUGH.to_owned(),
    }
}

/// The server that a cluster leads to.
#[must_use]
pub fn server_of_cluster(name: &str) -> &str {
    name.rsplit_once('|').map_or(STRANGER, |(_, server)| server)
}

/// The name of the cluster of a service, as Istio forms it.
#[must_use]
pub fn cluster(port: u16, server: &str) -> String {
    format!("outbound|{port}||{server}")
}

/// The server that a connection reaches: by its address, else by the server name.
#[must_use]
pub fn server_of_connection(server_name: Option<&[u8]>, address: SocketAddr) -> &'static str {
    if address == DATABASE_AT || address == DATABASE_AT_V6 {
        return DATABASE;
    }
    let name = server_name.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
    server_of(&name.to_ascii_lowercase()).unwrap_or(STRANGER)
}

fn server_of(host: &str) -> Option<&'static str> {
    NAMED.into_iter().chain([IN_MESH]).find(|server| *server == host)
}
