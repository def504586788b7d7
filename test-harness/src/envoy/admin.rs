//! Envoy's admin endpoint: readiness and counters.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;

use crate::client::{Endpoint, Request};

/// The admin endpoint of a running Envoy.
#[derive(Debug, Clone, Copy)]
pub struct Admin {
    address: SocketAddr,
}

impl Admin {
    /// The admin endpoint at `address`.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Body of a page, such as `/listeners`.
    ///
    /// # Errors
    ///
    /// When Envoy does not answer, or with another status than 200.
    pub fn page(&self, path: &str) -> io::Result<String> {
        let mut connection = Endpoint::plain(self.address, "admin").raw()?;
        connection.write(&Request::get(path).host("admin").to_bytes())?;
        let answer = connection.read_response()?;
        if answer.status != 200 {
            return Err(io::Error::other(format!(
                "envoy answers `{path}` with {}: {}",
                answer.status,
                answer.text()
            )));
        }
        Ok(answer.text())
    }

    /// Counters and gauges whose name contains `part`, by name.
    ///
    /// # Errors
    ///
    /// As for [`Admin::page`].
    pub fn stats(&self, part: &str) -> io::Result<BTreeMap<String, u64>> {
        let mut filter = String::new();
        for byte in part.bytes() {
            // A literal in a regular expression, in a query: everything but letters and digits is escaped twice.
            let escaped = if byte.is_ascii_alphanumeric() {
                write!(filter, "{}", char::from(byte))
            } else {
                write!(filter, "%5C%{byte:02X}")
            };
            escaped.map_err(io::Error::other)?;
        }
        let text = self.page(&format!("/stats?filter={filter}"))?;
        let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
        Ok(lines.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
    }

    /// One counter or gauge; 0 when Envoy does not know it (yet).
    ///
    /// # Errors
    ///
    /// As for [`Admin::page`].
    pub fn stat(&self, name: &str) -> io::Result<u64> {
        Ok(self.stats(name)?.get(name).copied().unwrap_or_default())
    }
}
