//! Grants and denies.

use super::condition::{self, Covered, Group};
use super::names::Names;
use super::target::{Resolver, Target};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{ActionId, Condition, Reach, Rule, RuleId, Through};
use crate::source::Sources;
use crate::syntax::ast;

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Grant,
    Deny,
}

/// A toolset's grant, checked.
#[derive(Clone, Debug)]
struct Tool {
    targets: Vec<Target>,
    pieces: Vec<Piece>,
}

/// Actions with one condition.
#[derive(Clone, Debug)]
struct Piece {
    actions: Vec<ActionId>,
    when: Option<Condition>,
}

/// Checks rules, and collects them.
pub(super) struct Rules<'a> {
    sources: &'a Sources,
    names: &'a Names<'a>,
    resolver: Resolver<'a>,
    /// The grants of each toolset, as they are in a grant and in a deny.
    toolsets: Vec<(Vec<Tool>, Vec<Tool>)>,
    pub(super) rules: Vec<Rule>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(
        sources: &'a Sources,
        names: &'a Names<'a>,
        resolver: Resolver<'a>,
        toolsets: &[ast::Toolset],
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut rules = Self { sources, names, resolver, toolsets: Vec::new(), rules: Vec::new() };
        for toolset in toolsets {
            let granted = toolset.grants.iter().map(|grant| rules.tool(grant, diagnostics)).collect();
            // What is wrong was said.
            let mut unsaid = Diagnostics::new();
            let denied =
                toolset.grants.iter().map(|grant| rules.tool_of(grant, Sort::Deny, &mut unsaid)).collect();
            rules.toolsets.push((granted, denied));
        }
        rules
    }

    /// Checks a list of rules; gives the numbers of what they became.
    pub(super) fn list(
        &mut self,
        written: &[ast::Rule],
        sort: Sort,
        diagnostics: &mut Diagnostics,
    ) -> Vec<RuleId> {
        let first = self.rules.len();
        for rule in written {
            let reach = self.reach(rule, sort, diagnostics);
            for piece in self.pieces(rule, sort, diagnostics) {
                self.rules.push(Rule {
                    actions: piece.actions,
                    when: piece.when,
                    reach: reach.clone(),
                    span: rule.span,
                });
            }
        }
        (first..self.rules.len()).filter_map(|index| u32::try_from(index).ok()).map(RuleId).collect()
    }

    fn reach(&mut self, rule: &ast::Rule, sort: Sort, diagnostics: &mut Diagnostics) -> Reach {
        if sort == Sort::Deny {
            return Reach { direct: true, through: Through::Anyone };
        }
        let through = rule.through.as_ref().map(|through| self.names.agents(through, diagnostics));
        match (through, rule.direct) {
            (None, None) => Reach { direct: true, through: Through::Anyone },
            (None, Some(true)) => Reach { direct: true, through: Through::Nobody },
            (None, Some(false)) => Reach { direct: false, through: Through::Anyone },
            (Some(agents), direct) => Reach {
                direct: direct.unwrap_or(false),
                through: if agents.is_empty() { Through::Nobody } else { Through::Agents(agents) },
            },
        }
    }

    fn pieces(&mut self, rule: &ast::Rule, sort: Sort, diagnostics: &mut Diagnostics) -> Vec<Piece> {
        match &rule.toolset {
            Some(toolset) => {
                if let Some(other) =
                    rule.actions.first().map(|name| name.span).or(rule.http.as_ref().map(|http| http.span))
                {
                    diagnostics.push(
                        Diagnostic::new(
                            Code::FieldConflict,
                            other,
                            "a rule with `toolset` has no `actions` and no `http`",
                        )
                        .also(toolset.span, "the toolset")
                        .help("write a rule of its own"),
                    );
                }
                self.of_toolset(rule, toolset, sort, diagnostics)
            }
            None => {
                if !rule.says_actions {
                    diagnostics.push(
                        Diagnostic::new(
                            Code::NothingGranted,
                            rule.span,
                            "the rule does not say which actions it is about",
                        )
                        .help("add `actions: [orders-db/row.read]`"),
                    );
                }
                self.tool_of(rule, sort, diagnostics).pieces
            }
        }
    }

    fn tool(&mut self, grant: &ast::Rule, diagnostics: &mut Diagnostics) -> Tool {
        if !grant.says_actions {
            diagnostics.push(
                Diagnostic::new(
                    Code::NothingGranted,
                    grant.span,
                    "the grant does not say which actions it is about",
                )
                .help("add `actions: [orders-db/row.read]`"),
            );
        }
        self.tool_of(grant, Sort::Grant, diagnostics)
    }

    /// The actions of a rule, with its condition.
    fn tool_of(&mut self, rule: &ast::Rule, sort: Sort, diagnostics: &mut Diagnostics) -> Tool {
        let targets = self.resolver.targets(rule, sort, diagnostics);
        let pieces = match &rule.when {
            None => vec![Piece { actions: actions(&targets), when: None }],
            Some(text) => self
                .condition(text, &targets, sort, diagnostics)
                .into_iter()
                .map(|group| Piece { actions: group.actions, when: Some(group.condition) })
                .collect(),
        };
        Tool { targets, pieces }
    }

    fn condition(
        &self,
        text: &ast::ConditionText,
        targets: &[Target],
        sort: Sort,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Group> {
        let covered: Vec<Covered<'_>> =
            targets.iter().filter_map(|target| self.resolver.covered(target)).collect();
        let raw = self.sources.text(text.span);
        let groups = condition::compile(text, raw, &covered, self.names, diagnostics).unwrap_or_default();
        if let Some(first) = groups.first() {
            warn_constant(&first.condition, text, sort, diagnostics);
        }
        groups
    }

    fn of_toolset(
        &self,
        rule: &ast::Rule,
        toolset: &ast::Name,
        sort: Sort,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Piece> {
        let found = self.names.toolset(toolset, diagnostics).and_then(|index| self.toolsets.get(index));
        let Some((granted, denied)) = found else { return Vec::new() };
        let tools = if sort == Sort::Deny { denied } else { granted };
        let Some(text) = &rule.when else {
            return tools.iter().flat_map(|tool| tool.pieces.iter().cloned()).collect();
        };
        let targets: Vec<Target> = tools.iter().flat_map(|tool| tool.targets.iter().cloned()).collect();
        let groups = self.condition(text, &targets, sort, diagnostics);
        let pieces = tools.iter().flat_map(|tool| &tool.pieces);
        pieces.flat_map(|piece| groups.iter().filter_map(|group| both(piece, group))).collect()
    }
}

/// What a toolset's grant and the condition of its use have in common.
fn both(piece: &Piece, group: &Group) -> Option<Piece> {
    let actions: Vec<ActionId> =
        piece.actions.iter().filter(|action| group.actions.binary_search(action).is_ok()).copied().collect();
    let mut parts = Vec::new();
    for condition in piece.when.iter().chain([&group.condition]) {
        match condition {
            Condition::And(inner) => parts.extend(inner.iter().cloned()),
            other => parts.push(other.clone()),
        }
    }
    let when = if parts.len() > 1 { Condition::And(parts) } else { parts.pop()? };
    (!actions.is_empty()).then_some(Piece { actions, when: Some(when) })
}

fn actions(targets: &[Target]) -> Vec<ActionId> {
    let mut actions: Vec<ActionId> = targets.iter().map(|target| target.action).collect();
    actions.sort_unstable();
    actions.dedup();
    actions
}

fn warn_constant(
    condition: &Condition,
    text: &ast::ConditionText,
    sort: Sort,
    diagnostics: &mut Diagnostics,
) {
    let Some(truth) = condition::constant_truth(condition) else { return };
    let (code, message) = match (truth, sort) {
        (Some(true), _) => (Code::AlwaysTrue, "the condition is always true"),
        (Some(false), Sort::Grant) => {
            (Code::NeverMatches, "the condition is never true, so nothing is granted")
        }
        (Some(false), Sort::Deny) => {
            (Code::NeverMatches, "the condition is never true, so nothing is denied")
        }
        (None, Sort::Grant) => (Code::NeverMatches, "the condition is always unknown, so nothing is granted"),
        (None, Sort::Deny) => {
            (Code::AlwaysTrue, "the condition is always unknown, so the deny always matches")
        }
    };
    diagnostics.push(Diagnostic::new(code, text.span, message));
}
