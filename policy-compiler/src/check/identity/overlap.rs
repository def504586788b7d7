//! No principal may be two agents.

use std::collections::HashMap;

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{AgentId, Identity};
use crate::source::Span;
use crate::syntax::limits::MAX_IDENTITY_PATTERNS;

/// Identities, and whose they are.
#[derive(Default)]
pub(in crate::check) struct Taken {
    paths: HashMap<String, (AgentId, Span)>,
    ids: HashMap<(String, String), (AgentId, Span)>,
    namespaces: HashMap<String, (AgentId, Span)>,
    patterns: Vec<(String, AgentId, Span)>,
    full: bool,
}

impl Taken {
    /// Notes an identity of `agent`; refuses it if it is another's.
    pub(in crate::check) fn add(
        &mut self,
        identity: &Identity,
        agent: AgentId,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) {
        let place = (agent, span);
        let first = match identity {
            Identity::Path(path) => self.paths.insert(path.clone(), place),
            Identity::Id { trust_domain, path } => {
                self.ids.insert((trust_domain.clone(), path.clone()), place)
            }
            Identity::Namespace(namespace) => self.namespaces.insert(namespace.clone(), place),
            Identity::Pattern(pattern) => {
                if self.patterns.len() >= MAX_IDENTITY_PATTERNS {
                    if !self.full {
                        let message = format!("more than {MAX_IDENTITY_PATTERNS} identities are patterns");
                        diagnostics.push(Diagnostic::new(Code::TooMuch, span, message));
                    }
                    self.full = true;
                    return;
                }
                let clash =
                    self.patterns.iter().find(|(other, owner, _)| *owner != agent && overlap(other, pattern));
                let clash = clash.map(|(_, owner, span)| (*owner, *span));
                self.patterns.push((pattern.clone(), agent, span));
                clash
            }
        };
        if let Some((owner, first)) = first
            && owner != agent
        {
            diagnostics.push(clash(span, first, "this principal is another agent already"));
        }
    }

    /// Refuses ids in one trust domain that a path in any trust domain, of another agent, already decides.
    pub(in crate::check) fn finish(&self, diagnostics: &mut Diagnostics) {
        let mut hidden: Vec<(Span, Span)> = self
            .ids
            .iter()
            .filter_map(|((_, path), (agent, span))| {
                let (owner, first) = self.paths.get(path)?;
                (owner != agent).then_some((*span, *first))
            })
            .collect();
        hidden.sort_unstable();
        for (span, first) in hidden {
            diagnostics.push(clash(
                span,
                first,
                "this principal is another agent in every trust domain of the mesh",
            ));
        }
    }
}

fn clash(span: Span, first: Span, message: &str) -> Diagnostic {
    Diagnostic::new(Code::IdentityTaken, span, message)
        .also(first, "the other agent's identity")
        .help("a principal is exactly one agent: take it out of one of them")
}

/// Whether some path matches both patterns. `*` stands for any run of characters within a segment.
fn overlap(left: &str, right: &str) -> bool {
    let (lefts, rights): (Vec<&str>, Vec<&str>) = (left.split('/').collect(), right.split('/').collect());
    lefts.len() == rights.len()
        && lefts.iter().zip(&rights).all(|(left, right)| globs_meet(left.as_bytes(), right.as_bytes()))
}

/// Whether some text matches both globs: which places of `right` can be reached together with each place of `left`.
fn globs_meet(left: &[u8], right: &[u8]) -> bool {
    // The last place of a row says whether the whole of `right` was used up.
    let mut row = closed(vec![true], right);
    for byte in left {
        let at = |index: usize| row.get(index).copied().unwrap_or(false);
        let mut next = Vec::with_capacity(right.len().saturating_add(1));
        if *byte == b'*' {
            // The star takes any run of what `right` has: every place from the first reached one on.
            let mut any = false;
            for index in 0..=right.len() {
                any |= at(index);
                next.push(any);
            }
        } else {
            // A literal meets the same literal, or lies in a star of `right`.
            next.push(at(0) && right.first() == Some(&b'*'));
            for (index, other) in right.iter().enumerate() {
                let step = at(index) && other == byte;
                let inside = at(index.saturating_add(1)) && right.get(index.saturating_add(1)) == Some(&b'*');
                next.push(step || inside);
            }
        }
        row = closed(next, right);
    }
    row.get(right.len()).copied().unwrap_or(false)
}

/// Adds the places reached by letting stars of `right` stand for nothing.
fn closed(mut row: Vec<bool>, right: &[u8]) -> Vec<bool> {
    row.resize(right.len().saturating_add(1), false);
    for (index, byte) in right.iter().enumerate() {
        if *byte == b'*'
            && row.get(index).copied().unwrap_or(false)
            && let Some(place) = row.get_mut(index.saturating_add(1))
        {
            *place = true;
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::{globs_meet, overlap};

    fn matches(glob: &[u8], text: &[u8]) -> bool {
        match (glob.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), None) => matches(rest, text),
            (Some((b'*', rest)), Some((_, tail))) => matches(rest, text) || matches(glob, tail),
            (Some((a, rest)), Some((b, tail))) => a == b && matches(rest, tail),
            _ => false,
        }
    }

    /// Every text of up to `length` of `alphabet`.
    fn texts(alphabet: &[u8], length: usize) -> Vec<Vec<u8>> {
        let mut all: Vec<Vec<u8>> = vec![Vec::new()];
        let mut last = all.clone();
        for _ in 0..length {
            last =
                last.iter().flat_map(|t| alphabet.iter().map(|b| [t.as_slice(), &[*b]].concat())).collect();
            all.extend(last.clone());
        }
        all
    }

    #[test]
    fn globs_meet_where_some_text_matches_both() {
        let (globs, texts) = (texts(b"ab*", 4), texts(b"ab", 8));
        for left in &globs {
            for right in &globs {
                let expected = texts.iter().any(|text| matches(left, text) && matches(right, text));
                assert_eq!(globs_meet(left, right), expected, "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn a_star_stays_in_its_segment() {
        assert!(!overlap("/ns/*", "/ns/a/sa/b"));
        assert!(overlap("/ns/*/sa/b*", "/ns/a*/sa/*c"));
    }
}
