//! Which principals are which agent.

mod overlap;

pub(super) use self::overlap::Taken;

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::Identity;
use crate::syntax::ast::{self, Name};
use crate::syntax::limits::{MAX_SPIFFE_BYTES, MAX_TRUST_DOMAIN_BYTES};
use crate::syntax::suggest::did_you_mean;

const FORMS: &str = "write `{namespace: a, serviceAccount: b}`, `{namespace: a}`, `{spiffe: \"spiffe://domain/path\"}` or `{spiffePattern: \"/ns/*/sa/b\"}`";

/// Reads one identity.
pub(super) fn read(
    written: &ast::Identity,
    trust_domains: &[String],
    diagnostics: &mut Diagnostics,
) -> Option<Identity> {
    match (&written.namespace, &written.service_account, &written.spiffe, &written.spiffe_pattern) {
        (Some(namespace), Some(account), None, None) => {
            let good = check_namespace(namespace, diagnostics) & check_account(account, diagnostics);
            good.then(|| Identity::Path(format!("/ns/{}/sa/{}", namespace.value, account.value)))
        }
        (Some(namespace), None, None, None) => {
            check_namespace(namespace, diagnostics).then(|| Identity::Namespace(namespace.value.clone()))
        }
        (None, None, Some(id), None) => spiffe(id, trust_domains, diagnostics),
        (None, None, None, Some(pattern)) => path_pattern(pattern, diagnostics),
        _ => {
            diagnostics.push(
                Diagnostic::new(Code::BadIdentity, written.span, "not one of the forms of an identity")
                    .help(FORMS),
            );
            None
        }
    }
}

fn spiffe(id: &Name, trust_domains: &[String], diagnostics: &mut Diagnostics) -> Option<Identity> {
    let text = id.value.as_str();
    let bad = |message: String| {
        Diagnostic::new(Code::BadIdentity, id.span, message).help("as in `spiffe://cluster.local/ns/a/sa/b`")
    };
    let Some((domain, path)) =
        text.strip_prefix("spiffe://").and_then(|rest| rest.split_at_checked(rest.find('/')?))
    else {
        diagnostics.push(bad(format!("`{text}` is not a SPIFFE id of a workload")));
        return None;
    };
    if !is_trust_domain(domain) {
        diagnostics.push(bad(format!("`{domain}` is not a trust domain")));
        return None;
    }
    if text.len() > MAX_SPIFFE_BYTES || !is_path(path, false) {
        diagnostics.push(bad(format!("`{path}` is not the path of a SPIFFE id")));
        return None;
    }
    if !trust_domains.iter().any(|known| known == domain) {
        let help = did_you_mean(domain, trust_domains.iter().map(String::as_str))
            .unwrap_or_else(|| format!("add `{domain}` to `trustDomains` of the `Mesh` document"));
        let message = format!("trust domain `{domain}` is not one of the mesh's");
        diagnostics.push(Diagnostic::new(Code::ForeignTrustDomain, id.span, message).help(help));
        return None;
    }
    Some(Identity::Id { trust_domain: domain.to_owned(), path: path.to_owned() })
}

fn path_pattern(pattern: &Name, diagnostics: &mut Diagnostics) -> Option<Identity> {
    let text = pattern.value.as_str();
    let diagnostic = Diagnostic::new(
        Code::BadIdentity,
        pattern.span,
        format!("`{text}` is not a pattern of SPIFFE paths"),
    );
    if text.starts_with("spiffe:") {
        diagnostics.push(diagnostic.help("leave scheme and trust domain out: the pattern is of the path, in any of the mesh's trust domains"));
        return None;
    }
    if text.len() > MAX_SPIFFE_BYTES || !is_path(text, true) {
        diagnostics.push(diagnostic.help("as in `/ns/*/sa/build-agent`"));
        return None;
    }
    if !text.contains('*') {
        return Some(Identity::Path(text.to_owned()));
    }
    Some(Identity::Pattern(text.to_owned()))
}

/// SPIFFE-ID, section 2.1.
pub(super) fn is_trust_domain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_TRUST_DOMAIN_BYTES
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_'))
}

/// SPIFFE-ID, section 2.2; with `*` if `wild`.
fn is_path(text: &str, wild: bool) -> bool {
    let byte_ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_') || (wild && b == b'*');
    let segment_ok = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(byte_ok);
    text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment_ok))
}

/// A Kubernetes namespace is a DNS label (RFC 1123).
pub(super) fn check_namespace(name: &Name, diagnostics: &mut Diagnostics) -> bool {
    check_dns(name, "namespace", 63, false, diagnostics)
}

/// A Kubernetes service account is a DNS subdomain (RFC 1123).
pub(super) fn check_account(name: &Name, diagnostics: &mut Diagnostics) -> bool {
    check_dns(name, "service account", 253, true, diagnostics)
}

fn check_dns(name: &Name, what: &str, longest: usize, dots: bool, diagnostics: &mut Diagnostics) -> bool {
    let text = name.value.as_str();
    let label = |label: &str| {
        let outer =
            |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let bytes = label.as_bytes();
        outer(bytes.first())
            && outer(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
    };
    let good = text.len() <= longest && if dots { text.split('.').all(label) } else { label(text) };
    if !good {
        let diagnostic =
            Diagnostic::new(Code::BadIdentity, name.span, format!("`{text}` is not a Kubernetes {what}"));
        diagnostics.push(if text.contains('*') {
            diagnostic.help("for patterns write `{spiffePattern: \"/ns/*/sa/b\"}`")
        } else {
            diagnostic.help("lower-case letters, digits and `-`")
        });
    }
    good
}
