//! Names of hosts, as policy writes them.

use core::net::IpAddr;

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::HostPattern;
use crate::syntax::ast::Name;
use crate::syntax::limits::{MAX_HOST_BYTES, MAX_LABEL_BYTES};

mod punycode;

/// What is said with a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An element of `allow`.
    Allow,
    /// An element of `deny`.
    Deny,
}

/// Reads `api.example.com` or `*.example.com`, in the one spelling in which names are compared.
pub(super) fn read(text: &Name, place: Place, diagnostics: &mut Diagnostics) -> Option<HostPattern> {
    match parse(&text.value, place) {
        Ok(host) => Some(host),
        Err((message, help)) => {
            let message = format!("`{}` {message}", text.value.escape_debug());
            diagnostics.push(Diagnostic::new(Code::BadHost, text.span, message).help(help));
            None
        }
    }
}

type Refusal = (&'static str, String);

fn parse(text: &str, place: Place) -> Result<HostPattern, Refusal> {
    let refuse = |message, help: &str| Err((message, help.to_owned()));
    if let Some((_, rest)) = text.split_once("://") {
        return Err(("is a URL, not a host", without_path(rest, place)));
    }
    if is_address(text) {
        let address = text.trim_start_matches('[').trim_end_matches(']');
        return Err(("is an address, not a name", as_address(address, place)));
    }
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let port = rest.strip_prefix(':').map(|port| format!(", ports: [{port}]")).unwrap_or_default();
        return Err(("is an address, not a name", format!("write `{{cidr: {}{port}}}`", quoted(address))));
    }
    if text.contains('/') {
        return Err(("is more than a host", without_path(text, place)));
    }
    if text.contains('@') {
        return refuse(
            "holds user information, which is no part of a host",
            "leave out what stands before `@`",
        );
    }
    if let Some((host, port)) = text.rsplit_once(':') {
        return Err(("holds a port", with_port(host, port, place)));
    }
    if text == "*" {
        return Err((
            "is every host",
            String::from(match place {
                Place::Allow => "name the hosts; without `egress` nothing is bounded",
                Place::Deny => "name the hosts; `egress: {allow: []}` of an agent denies it everything",
            }),
        ));
    }
    let (below, name) = match text.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, text),
    };
    if name.contains('*') {
        let last = name.rsplit_once('*').map_or("", |(_, rest)| rest).trim_start_matches('.');
        let help = match last {
            "" => String::from("as in `*.example.com`"),
            suffix => format!("`*` stands for whole labels at the start: `*.{suffix}`"),
        };
        return Err(("has `*` elsewhere than as its first label", help));
    }
    if let Some(name) = name.strip_prefix('.').filter(|_| !below) {
        return Err((
            "starts with a dot",
            format!("write `*.{name}` for all below it, and `{name}` for itself"),
        ));
    }
    if !name.is_ascii() {
        let help = match punycode::a_labels(name) {
            Some(ascii) => format!(
                "write its A-label, which looks like no other name: `{}{ascii}`",
                if below { "*." } else { "" }
            ),
            None => String::from("write its A-label, `xn--...`"),
        };
        return Err(("is not ASCII", help));
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    plain(&name)?;
    if below && is_number(name.rsplit('.').next().unwrap_or_default()) {
        return refuse("is no name", "networks are written `{cidr: 10.0.0.0/8}`");
    }
    if in_mesh(&name) {
        return refuse(
            "is a name within the mesh",
            "what may be asked within the mesh is granted: see `grants`",
        );
    }
    if !below && !name.contains('.') {
        return refuse(
            "is one label, which is a name within the mesh",
            "names outside have a dot, as in `api.example.com`",
        );
    }
    Ok(if below { HostPattern::Below(name) } else { HostPattern::Exact(name) })
}

/// Holds a name to what the filter reads as one.
fn plain(name: &str) -> Result<(), Refusal> {
    let odd = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if let Some(odd) = name.chars().find(odd) {
        return Err((
            "holds a character that no host has",
            format!("`{}` is none of letters, digits, `-`, `_` and `.`", odd.escape_default()),
        ));
    }
    if name.split('.').any(str::is_empty) {
        return Err(("has an empty label", String::from("as in `api.example.com`")));
    }
    if name.len() > MAX_HOST_BYTES || name.split('.').any(|label| label.len() > MAX_LABEL_BYTES) {
        return Err((
            "is too long",
            format!("a name has at most {MAX_HOST_BYTES} bytes, and each label {MAX_LABEL_BYTES}"),
        ));
    }
    Ok(())
}

/// Whether it is an address, or what some resolver takes for one: the last label is a number.
fn is_address(text: &str) -> bool {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let bare = bare.split_once('/').map_or(bare, |(address, _)| address);
    let name = text.strip_suffix('.').unwrap_or(text);
    bare.parse::<IpAddr>().is_ok()
        || (!name.contains(['*', '/', ':']) && is_number(name.rsplit('.').next().unwrap_or_default()))
}

fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x").or_else(|| label.strip_prefix("0X")) {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// Names of services as every mesh has them. A mesh may have more.
fn in_mesh(name: &str) -> bool {
    const SUFFIX: &str = "svc.cluster.local";
    name == SUFFIX || name.strip_suffix(SUFFIX).is_some_and(|rest| rest.ends_with('.'))
}

fn as_address(address: &str, place: Place) -> String {
    let is_address = address.split('/').next().is_some_and(|address| address.parse::<IpAddr>().is_ok());
    match (place, is_address) {
        (Place::Allow, true) => format!("write `{{cidr: {}}}`", quoted(address)),
        _ => String::from("addresses are written as four decimal numbers, or as IPv6"),
    }
}

/// An IPv6 address must be quoted in a flow mapping of YAML.
fn quoted(address: &str) -> String {
    if address.contains(':') { format!("\"{address}\"") } else { address.to_owned() }
}

fn with_port(host: &str, port: &str, place: Place) -> String {
    match (place, port.parse::<u16>()) {
        (Place::Allow, Ok(port)) if port != 0 => {
            format!("write `{{host: {}, ports: [{port}]}}`", starred(host))
        }
        _ => format!("write `{}` alone", starred(host)),
    }
}

/// A text that starts with `*` must be quoted in YAML.
fn starred(host: &str) -> String {
    if host.starts_with('*') { format!("\"{host}\"") } else { host.to_owned() }
}

fn without_path(text: &str, place: Place) -> String {
    let (host, path) = match text.split_once('/') {
        Some((host, path)) => (host, path),
        None => (text, ""),
    };
    let (host, port) = match host.split_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, Some(port)),
        _ => (host, None),
    };
    let port = port.map(|port| format!(", ports: [{port}]")).unwrap_or_default();
    let path = path.trim_end_matches('*');
    let path = if path.is_empty() { String::new() } else { format!(", pathPrefix: /{path}") };
    match (place, port.is_empty() && path.is_empty()) {
        (Place::Allow, false) => format!("write `{{host: {}{port}{path}}}`", starred(host)),
        _ => format!("write `{}` alone", starred(host)),
    }
}

#[cfg(test)]
mod tests;
