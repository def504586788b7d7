//! What the actions of a rule are: references, wildcards and inline `http`, resolved.

use std::collections::HashMap;
use std::rc::Rc;

use super::catalog::Catalog;
use super::condition::Covered;
use super::effects::Effects;
use super::inline::{Requests, Wanted};
use super::names::Names;
use super::rules::Sort;
use super::{arguments, path, selector};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{ActionId, PathPattern, Protocol, Segment, Selector, Service, ServiceId};
use crate::source::Span;
use crate::syntax::ast::{InlineHttp, Name, Rule};
use crate::syntax::suggest::did_you_mean;

/// An action of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) action: ActionId,
    /// The rule names it, and does not merely cover it by a wildcard.
    by_name: bool,
    /// What names the parameters of its path.
    named_by: NamedBy,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum NamedBy {
    /// The pattern of this action.
    Action(ActionId),
    /// The rule's own.
    Inline(Rc<PathPattern>),
}

/// Inline patterns of all rules, by where they are written.
#[derive(Default)]
pub(super) struct Inlines {
    by_place: HashMap<Span, (ServiceId, Vec<Wanted>)>,
}

impl Inlines {
    /// Reads the inline patterns of a rule.
    pub(super) fn read(
        &mut self,
        rule: &Rule,
        names: &Names<'_>,
        services: &[Service],
        effects: &mut Effects,
        diagnostics: &mut Diagnostics,
    ) {
        let Some(http) = &rule.http else { return };
        let effects = effects.of_action(&http.effects, diagnostics);
        let methods = selector::methods(&http.methods, diagnostics);
        let paths: Vec<Option<PathPattern>> =
            http.paths.iter().map(|text| path::parse(text, diagnostics)).collect();
        let Some((id, service)) = service_of(http, names, services, diagnostics) else { return };
        if service.protocol != Protocol::Http {
            let protocol = selector::word(service.protocol);
            let message = format!("`{}` speaks `{protocol}`, which has no methods and paths", service.name);
            let span = http.service.as_ref().map_or(http.span, |name| name.span);
            let help = format!("name actions of its catalog, as in `actions: [{}/...]`", service.name);
            diagnostics.push(Diagnostic::new(Code::NotHttp, span, message).help(help));
            return;
        }
        let Some(methods) = methods else { return };
        let methods: Vec<Option<String>> =
            if methods.is_empty() { vec![None] } else { methods.into_iter().map(Some).collect() };
        let mut wanted = Vec::new();
        for (path, written) in paths.into_iter().zip(&http.paths) {
            let Some(path) = path else { continue };
            for method in &methods {
                let requests = Requests { method: method.clone(), path: path.clone() };
                wanted.push(Wanted { requests, effects, span: written.span });
            }
        }
        self.by_place.insert(http.span, (id, wanted));
    }

    /// What is asked of each of `count` services, in order of writing, without repetitions.
    pub(super) fn by_service(&self, count: usize) -> Vec<Vec<Wanted>> {
        let mut all: Vec<Vec<Wanted>> = vec![Vec::new(); count];
        let mut places: Vec<&Span> = self.by_place.keys().collect();
        places.sort_unstable();
        for place in places {
            let Some((service, wanted)) = self.by_place.get(place) else { continue };
            if let Some(list) = usize::try_from(service.0).ok().and_then(|index| all.get_mut(index)) {
                list.extend(wanted.iter().cloned());
            }
        }
        for list in &mut all {
            let mut seen: HashMap<(Option<String>, String, u64), ()> = HashMap::new();
            list.retain(|want| {
                let key = (want.requests.method.clone(), path::print(&want.requests.path), want.effects.0);
                seen.insert(key, ()).is_none()
            });
        }
        all
    }
}

fn service_of<'s>(
    http: &InlineHttp,
    names: &Names<'_>,
    services: &'s [Service],
    diagnostics: &mut Diagnostics,
) -> Option<(ServiceId, &'s Service)> {
    let id = names.service(http.service.as_ref()?, diagnostics)?;
    Some((id, services.get(usize::try_from(id.0).ok()?)?))
}

/// Resolves references to actions.
pub(super) struct Resolver<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) names: &'a Names<'a>,
    pub(super) inlines: &'a Inlines,
    /// Wildcards that were resolved already: policies repeat them.
    wildcards: HashMap<(String, bool), Rc<Vec<Target>>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(catalog: &'a Catalog, names: &'a Names<'a>, inlines: &'a Inlines) -> Self {
        Self { catalog, names, inlines, wildcards: HashMap::new() }
    }

    /// The actions of a rule's `actions` and `http`.
    pub(super) fn targets(&mut self, rule: &Rule, sort: Sort, diagnostics: &mut Diagnostics) -> Vec<Target> {
        let mut targets = Vec::new();
        for reference in &rule.actions {
            self.reference(reference, sort, &mut targets, diagnostics);
        }
        if let Some(http) = &rule.http
            && let Some((service, wanted)) = self.inlines.by_place.get(&http.span)
            && let Some(refinement) =
                usize::try_from(service.0).ok().and_then(|i| self.catalog.refinements.get(i))
        {
            for want in wanted {
                let path = Rc::new(want.requests.path.clone());
                targets.extend(refinement.within(&want.requests).into_iter().map(|index| Target {
                    action: ActionId { service: *service, index },
                    by_name: true,
                    named_by: NamedBy::Inline(Rc::clone(&path)),
                }));
            }
        }
        targets
    }

    fn reference(
        &mut self,
        reference: &Name,
        sort: Sort,
        targets: &mut Vec<Target>,
        diagnostics: &mut Diagnostics,
    ) {
        let text = reference.value.as_str();
        let Some((service, action)) = text.split_once('/') else {
            let diagnostic = Diagnostic::new(
                Code::BadActionReference,
                reference.span,
                format!("`{text}` is not `service/action`"),
            );
            diagnostics.push(if self.names.service_quietly(text).is_some() {
                diagnostic.help(format!("for all actions of it write `{text}/*`"))
            } else {
                diagnostic.help("as in `orders-db/row.read`")
            });
            return;
        };
        let good = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'*'))
        };
        if !good(service) || !good(action) {
            let message = format!("`{text}` is not `service/action`");
            let help = if action.contains(['/', ' ', '{']) {
                "requests without a catalog entry are granted by `http: {service: .., methods: .., paths: ..}`"
            } else {
                "as in `orders-db/row.read`, `orders-db/*` or `*/read.*`"
            };
            diagnostics.push(Diagnostic::new(Code::BadActionReference, reference.span, message).help(help));
            return;
        }
        if text.contains('*') {
            let found = self.wildcard(service, action, sort);
            if found.is_empty() {
                let message = format!("no action matches `{text}`");
                diagnostics.push(Diagnostic::new(Code::NothingMatches, reference.span, message));
            }
            targets.extend(found.iter().cloned());
            return;
        }
        let name = Name::new(service.to_owned(), reference.span);
        let Some(id) = self.names.service(&name, diagnostics) else { return };
        let Some(actions) = usize::try_from(id.0).ok().and_then(|index| self.catalog.by_name.get(index))
        else {
            return;
        };
        match actions.get(action) {
            Some(index) => self.with_refinements(ActionId { service: id, index: *index }, true, targets),
            None => {
                let mut known: Vec<&str> = actions.keys().map(String::as_str).collect();
                known.sort_unstable();
                let help =
                    did_you_mean(action, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
                        [] => format!("`{service}` has no catalog: add `actions` to it"),
                        _ => few(&known),
                    });
                let message = format!("`{service}` has no action `{action}`");
                diagnostics.push(Diagnostic::new(Code::UnknownAction, reference.span, message).help(help));
            }
        }
    }

    fn wildcard(&mut self, service: &str, action: &str, sort: Sort) -> Rc<Vec<Target>> {
        // In a deny all of a service means what inline `http` made as well, so that no deny leaves anything out.
        let everything = sort == Sort::Deny && action == "*";
        let key = (format!("{service}/{action}"), everything);
        if let Some(found) = self.wildcards.get(&key) {
            return Rc::clone(found);
        }
        let mut targets = Vec::new();
        for ((candidate, names), number) in
            self.catalog.services.iter().zip(&self.catalog.by_name).zip(0_u32..)
        {
            if !glob(service.as_bytes(), candidate.name.as_bytes()) {
                continue;
            }
            let matching = names.iter().filter(|(name, _)| glob(action.as_bytes(), name.as_bytes()));
            let mut indexes: Vec<u32> = if everything {
                (0..u32::try_from(candidate.actions.len()).unwrap_or(u32::MAX)).collect()
            } else {
                matching.map(|(_, index)| *index).collect()
            };
            indexes.sort_unstable();
            for index in indexes {
                self.with_refinements(ActionId { service: ServiceId(number), index }, false, &mut targets);
            }
        }
        let targets = Rc::new(targets);
        self.wildcards.insert(key, Rc::clone(&targets));
        targets
    }

    /// A declared action and those that refine it.
    fn with_refinements(&self, action: ActionId, by_name: bool, targets: &mut Vec<Target>) {
        targets.push(Target { action, by_name, named_by: NamedBy::Action(action) });
        let refinement =
            usize::try_from(action.service.0).ok().and_then(|index| self.catalog.refinements.get(index));
        for index in
            refinement.and_then(|refinement| refinement.of_declared.get(&action.index)).into_iter().flatten()
        {
            let refined = ActionId { service: action.service, index: *index };
            targets.push(Target { action: refined, by_name, named_by: NamedBy::Action(action) });
        }
    }

    /// What a condition must know of a target.
    pub(super) fn covered(&self, target: &Target) -> Option<Covered<'a>> {
        let service = self.catalog.service(target.action.service)?;
        let action = self.catalog.action(target.action)?;
        let pattern = match &target.named_by {
            NamedBy::Inline(pattern) => Some(&**pattern),
            NamedBy::Action(id) => match &self.catalog.action(*id)?.selector {
                Selector::Http { path, .. } => Some(path),
                Selector::Key(_) => None,
            },
        };
        let names =
            pattern.into_iter().flat_map(|pattern| &pattern.segments).filter_map(|segment| match segment {
                Segment::One(Some(name)) => Some(name),
                _ => None,
            });
        let parameters =
            names.filter_map(|name| Some((name.clone(), path::position(pattern?, name)?))).collect();
        Some(Covered {
            action: target.action,
            protocol: service.protocol,
            arguments: arguments::offered(service.protocol, &action.selector),
            listed: action.arguments.as_deref(),
            name: self.catalog.name(target.action),
            by_name: target.by_name,
            parameters,
        })
    }
}

/// The first few names, for a help.
fn few(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    format!("its actions are {}{more}", shown.join(", "))
}

/// Whether a glob, where `*` stands for any run, matches. Linear: after a star the first fit is as good as any.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut place) = (0_usize, 0_usize);
    let mut star: Option<(usize, usize)> = None;
    while place < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, place));
                at = at.saturating_add(1);
            }
            Some(byte) if Some(byte) == text.get(place) => {
                at = at.saturating_add(1);
                place = place.saturating_add(1);
            }
            _ => match star {
                Some((after, taken)) => {
                    at = after.saturating_add(1);
                    place = taken.saturating_add(1);
                    star = Some((after, place));
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or(&[]).iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "abc", true),
            ("read.*", "read.row", true),
            ("read.*", "read", false),
            ("*.read", "row.read", true),
            ("a*b*c", "axbxbxc", true),
            ("a*b*c", "axbxbx", false),
            ("", "a", false),
            ("a", "a", true),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
