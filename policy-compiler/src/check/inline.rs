//! Inline `http` grants: methods and paths that have no action in the catalog.
//!
//! Requests have one action each, so an inline pattern becomes an action of its own. It must not change what any other
//! rule covers. So wherever an inline pattern meets another pattern, their intersection becomes an action as well; each of
//! these *refines* the declared action that the requests were before, and every rule that covers that one covers it too.
//! An inline rule covers every action that lies within its patterns.

use std::collections::HashMap;

use super::path;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{Action, EffectSet, PathPattern, Selector};
use crate::source::Span;
use crate::specificity::rank;
use crate::syntax::limits::MAX_INLINE_ACTIONS;

/// One method (or any) and a path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Requests {
    /// `None`: any.
    pub(super) method: Option<String>,
    /// The paths.
    pub(super) path: PathPattern,
}

/// An inline pattern, as it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) requests: Requests,
    pub(super) effects: EffectSet,
    pub(super) span: Span,
}

/// What inline patterns do to the actions of one service.
#[derive(Clone, Debug, Default)]
pub(super) struct Refinement {
    /// For each declared action, the actions that refine it.
    pub(super) of_declared: HashMap<u32, Vec<u32>>,
    /// For each action, the requests that it stands for; several for one with several methods.
    requests: Vec<Vec<Requests>>,
}

/// An action to be made.
struct Made {
    requests: Requests,
    span: Span,
}

impl Requests {
    fn contains(&self, inner: &Self) -> bool {
        (self.method.is_none() || self.method == inner.method) && path::contains(&self.path, &inner.path)
    }

    fn intersection(&self, other: &Self) -> Option<Self> {
        let method = match (&self.method, &other.method) {
            (None, method) | (method, None) => method.clone(),
            (Some(left), Some(right)) => (left == right).then(|| Some(left.clone()))?,
        };
        Some(Self { method, path: path::intersection(&self.path, &other.path)? })
    }

    /// The same whatever the parameters are called.
    fn key(&self) -> (Option<String>, String) {
        (self.method.clone(), path::print(&path::nameless(&self.path)))
    }

    /// The requests of a selector, a method at a time.
    fn of(selector: &Selector) -> Vec<Self> {
        match selector {
            Selector::Http { methods, path } if methods.is_empty() => {
                vec![Self { method: None, path: path.clone() }]
            }
            Selector::Http { methods, path } => methods
                .iter()
                .map(|method| Self { method: Some(method.clone()), path: path.clone() })
                .collect(),
            Selector::Key(_) => Vec::new(),
        }
    }
}

/// Adds to `actions` what `wanted` needs. The new ones come first: among equals the first one names the action, and
/// a single method refines a list of methods.
pub(super) fn refine(
    actions: &mut Vec<Action>,
    wanted: &[Wanted],
    diagnostics: &mut Diagnostics,
) -> Refinement {
    let declared: Vec<Vec<Requests>> = actions.iter().map(|action| Requests::of(&action.selector)).collect();
    let Some(made) = close(&declared, wanted, diagnostics) else { return Refinement::default() };
    let shift = u32::try_from(made.len()).unwrap_or(u32::MAX);
    let mut refinement = Refinement::default();
    let mut all: Vec<Action> = Vec::with_capacity(made.len().saturating_add(actions.len()));
    for (one, index) in made.iter().zip(0_u32..) {
        // The declared action that these requests are without us: the most specific one that contains them.
        let parent = actions
            .iter()
            .zip(&declared)
            .zip(0_u32..)
            .filter(|((_, requests), _)| requests.iter().any(|outer| outer.contains(&one.requests)))
            .min_by_key(|((action, _), place)| (rank(&action.selector), *place));
        let inherited = parent.map_or(0, |((action, _), _)| action.effects.0);
        let arguments = parent.and_then(|((action, _), _)| action.arguments.clone());
        let asked = wanted.iter().filter(|want| want.requests.contains(&one.requests));
        let effects = asked.fold(inherited, |effects, want| effects | want.effects.0);
        if let Some((_, place)) = parent {
            refinement.of_declared.entry(place.saturating_add(shift)).or_default().push(index);
        }
        let methods: Vec<String> = one.requests.method.clone().into_iter().collect();
        let selector = Selector::Http { methods, path: one.requests.path.clone() };
        let method = one.requests.method.as_deref().unwrap_or("*");
        let name = format!("{method} {}", path::print(&one.requests.path));
        all.push(Action { name, selector, effects: EffectSet(effects), arguments, span: one.span });
    }
    all.append(actions);
    refinement.requests = all.iter().map(|action| Requests::of(&action.selector)).collect();
    *actions = all;
    refinement
}

/// The inline patterns with all their intersections, among each other and with declared actions, without repetitions
/// and without those that a declared action is already.
fn close(declared: &[Vec<Requests>], wanted: &[Wanted], diagnostics: &mut Diagnostics) -> Option<Vec<Made>> {
    // What is an action already, and whether its intersections were looked for.
    let mut known: HashMap<(Option<String>, String), bool> = HashMap::new();
    for requests in declared {
        if let [only] = requests.as_slice() {
            known.insert(only.key(), false);
        }
    }
    let mut made: Vec<Made> = Vec::new();
    let mut todo: Vec<Made> =
        wanted.iter().rev().map(|want| Made { requests: want.requests.clone(), span: want.span }).collect();
    while let Some(next) = todo.pop() {
        let is_action = match known.insert(next.requests.key(), true) {
            Some(true) => continue,
            Some(false) => true,
            None => false,
        };
        if made.len() >= MAX_INLINE_ACTIONS {
            let message =
                format!("inline `http` makes more than {MAX_INLINE_ACTIONS} actions of one service");
            diagnostics.push(
                Diagnostic::new(Code::TooMuch, next.span, message)
                    .help("name actions in the service's catalog"),
            );
            return None;
        }
        let others = declared.iter().flatten().chain(made.iter().map(|other| &other.requests));
        for other in others {
            if let Some(both) = next.requests.intersection(other)
                && !known.contains_key(&both.key())
            {
                todo.push(Made { requests: both, span: next.span });
            }
        }
        if !is_action {
            made.push(next);
        }
    }
    Some(made)
}

impl Refinement {
    /// The actions that lie within `wanted`.
    pub(super) fn within(&self, wanted: &Requests) -> Vec<u32> {
        let inside = |requests: &Vec<Requests>| {
            !requests.is_empty() && requests.iter().all(|requests| wanted.contains(requests))
        };
        self.requests
            .iter()
            .zip(0_u32..)
            .filter(|(requests, _)| inside(requests))
            .map(|(_, index)| index)
            .collect()
    }
}

#[cfg(test)]
mod tests;
