//! Services and their catalogs.

use std::collections::HashMap;

use ambit_bytecode::limits::MAX_BODY_BYTES;

use super::effects::Effects;
use super::inline::Refinement;
use super::{arguments, identity, path, selector};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{Action, ActionId, Protocol, Selector, Service, ServiceId, Workload};
use crate::source::Span;
use crate::syntax::ast;
use crate::syntax::limits::MAX_ACTION_NAME_BYTES;

/// Services, with what is needed to find their actions.
pub(super) struct Catalog {
    pub(super) services: Vec<Service>,
    /// Actions by name, for each service.
    pub(super) by_name: Vec<HashMap<String, u32>>,
    /// What inline `http` adds, for each service.
    pub(super) refinements: Vec<Refinement>,
}

impl Catalog {
    pub(super) fn service(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(usize::try_from(id.0).ok()?)
    }

    pub(super) fn action(&self, id: ActionId) -> Option<&Action> {
        self.service(id.service)?.actions.get(usize::try_from(id.index).ok()?)
    }

    /// `service/action`, for messages.
    pub(super) fn name(&self, id: ActionId) -> String {
        let service = self.service(id.service).map_or("?", |service| service.name.as_str());
        let action = self.action(id).map_or("?", |action| action.name.as_str());
        format!("{service}/{action}")
    }
}

/// The services of the documents, with the actions that they declare.
pub(super) fn services(
    documents: &[ast::Service],
    effects: &mut Effects,
    diagnostics: &mut Diagnostics,
) -> Vec<Service> {
    let services: Vec<Service> =
        documents.iter().map(|document| service(document, effects, diagnostics)).collect();
    let mut taken: HashMap<(&Workload, Protocol), &Service> = HashMap::new();
    for (service, document) in services.iter().zip(documents) {
        // What could not be read has been reported, and must not clash with itself.
        if document.namespace.is_none() || document.service_account.is_none() || document.protocol.is_none() {
            continue;
        }
        if let Some(first) = taken.insert((&service.workload, service.protocol), service) {
            let protocol = selector::word(service.protocol);
            diagnostics.push(
                Diagnostic::new(
                    Code::SharedWorkload,
                    service.span,
                    format!(
                        "services `{}` and `{}` have one workload and speak `{protocol}`",
                        first.name, service.name
                    ),
                )
                .also(first.span, "the other one")
                .help("put the actions of both in one document"),
            );
        }
    }
    services
}

fn service(document: &ast::Service, effects: &mut Effects, diagnostics: &mut Diagnostics) -> Service {
    let protocol = document.protocol.unwrap_or(Protocol::Http);
    let mut actions: Vec<Action> = Vec::new();
    if document.protocol.is_some() {
        let mut names: HashMap<String, Span> = HashMap::new();
        for written in &document.actions {
            actions.extend(action(written, protocol, &mut names, effects, diagnostics));
        }
        refuse_same_selectors(&actions, diagnostics);
    }
    if let Some(namespace) = &document.namespace {
        identity::check_namespace(namespace, diagnostics);
    }
    if let Some(account) = &document.service_account {
        identity::check_account(account, diagnostics);
    }
    let text = |name: &Option<ast::Name>| name.as_ref().map(|name| name.value.clone()).unwrap_or_default();
    Service {
        name: document.name.value.clone(),
        workload: Workload {
            namespace: text(&document.namespace),
            service_account: text(&document.service_account),
        },
        protocol,
        actions,
        mode: document.mode,
        max_body_bytes: document.body_limit.as_ref().and_then(|size| bytes(size, diagnostics)),
        span: document.name.span,
    }
}

/// The bytes of a size such as `256Ki`, as Kubernetes writes it.
fn bytes(size: &ast::Name, diagnostics: &mut Diagnostics) -> Option<u32> {
    let text = size.value.as_str();
    let digits = text
        .strip_suffix("Ki")
        .filter(|digits| digits.len() <= 6 && digits.starts_with(|c: char| c.is_ascii_digit() && c != '0'));
    let Some(kib) = digits.and_then(|digits| digits.parse::<u32>().ok()) else {
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = text.strip_suffix(unit).unwrap_or_default();
        let meant = match unit {
            "K" | "KB" | "KiB" | "k" | "kB" if !number.is_empty() => format!("write `{number}Ki`"),
            _ => format!("whole KiB, as in `256Ki`, at most `{}Ki`", MAX_BODY_BYTES / 1024),
        };
        let message = format!("`{text}` is not a size");
        diagnostics.push(Diagnostic::new(Code::BadSize, size.span, message).help(meant));
        return None;
    };
    let bytes = kib.saturating_mul(1024);
    if bytes > MAX_BODY_BYTES {
        let message = format!("`body` must be from 1Ki to {}Ki", MAX_BODY_BYTES / 1024);
        diagnostics.push(
            Diagnostic::new(Code::OutOfRange, size.span, message)
                .help("the proxy holds no more of a body while it is judged; leave `body` out for requests that policy need not read"),
        );
    }
    Some(bytes)
}

fn action(
    written: &ast::Action,
    protocol: Protocol,
    names: &mut HashMap<String, Span>,
    effects: &mut Effects,
    diagnostics: &mut Diagnostics,
) -> Option<Action> {
    let effects = effects.of_action(&written.effects, diagnostics);
    let (selector, default_name) = selector::read(written, protocol, diagnostics)?;
    let Some(name) = selector::named(&written.name, default_name, written) else {
        diagnostics.push(
            Diagnostic::new(Code::MissingField, written.span, "`name` is missing")
                .help("an action that is not one single tool, resource, prompt or method needs a name: add `name: row.read`"),
        );
        return None;
    };
    if !is_action_name(&name.value) {
        let message = format!("`{}` cannot name an action", name.value);
        diagnostics.push(
            Diagnostic::new(Code::BadName, name.span, message)
                .help("add a `name` of letters, digits, `.`, `_` and `-`, as in `row.read`"),
        );
        return None;
    }
    if let Some(first) = names.get(&name.value) {
        diagnostics.push(
            Diagnostic::new(
                Code::DuplicateAction,
                name.span,
                format!("action `{}` exists already", name.value),
            )
            .label("again here")
            .also(*first, "first here")
            .help("give one of them another `name`"),
        );
        return None;
    }
    let arguments = arguments::listed(written, protocol, &selector, &name.value, diagnostics);
    names.insert(name.value.clone(), name.span);
    Some(Action { name: name.value, selector, effects, arguments, span: written.span })
}

fn is_action_name(text: &str) -> bool {
    let outer = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = text.as_bytes();
    bytes.len() <= MAX_ACTION_NAME_BYTES
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        && outer(bytes.first())
        && outer(bytes.last())
}

/// Actions of equal rank for one request would leave it to the order of the text which of them it is.
fn refuse_same_selectors(actions: &[Action], diagnostics: &mut Diagnostics) {
    let mut seen: HashMap<String, Vec<&Action>> = HashMap::new();
    for action in actions {
        let place = match &action.selector {
            Selector::Http { path, .. } => path::print(&path::nameless(path)),
            Selector::Key(key) => key.clone(),
        };
        let others = seen.entry(place).or_default();
        if let Some(other) = others.iter().find(|other| share_a_method(&other.selector, &action.selector)) {
            let message = format!("`{}` and `{}` are the same requests", other.name, action.name);
            diagnostics.push(
                Diagnostic::new(Code::SameSelector, action.span, message)
                    .label(selector::print(&action.selector))
                    .also(other.span, selector::print(&other.selector))
                    .help("split the methods, or merge the actions"),
            );
        }
        others.push(action);
    }
}

/// Whether two selectors of one path or key have a method in common. A list of methods is more specific than any
/// method, so these two do not clash.
fn share_a_method(left: &Selector, right: &Selector) -> bool {
    match (left, right) {
        (Selector::Http { methods: left, .. }, Selector::Http { methods: right, .. }) => {
            left.is_empty() && right.is_empty() || left.iter().any(|method| right.contains(method))
        }
        _ => true,
    }
}
