//! Who can cause what through whom, by trying: every way on which each agent may call the next in its own name, and every
//! action at the end of it that the last one may do in its own name, which is all that a mesh sees that knows only who
//! calls. Each is judged by the evaluator of the sidecar that would judge it.
//!
//! Shorter ways come first, and there is a bound; how many were left out is said. Arguments are not known: what hangs on
//! them is *limited*.

mod ask;
mod close;
mod ways;

use std::collections::BTreeSet;

use ambit_compiler::agents::Agents;
use ambit_compiler::model::{Agent, Policy, RuleId};
use ambit_eval::Code;

use crate::failure::Problem;
use crate::progress::Progress;
use crate::sidecar::Sidecars;
use ask::Asker;

pub(crate) use close::{Closing, closing};

/// What can be caused in a mesh, and what cannot.
pub(crate) struct Reach<'p> {
    pub(crate) policy: &'p Policy,
    /// `SERVICE/ACTION`, by the numbers of [`Path::action`].
    pub(crate) actions: Vec<String>,
    /// Whom each agent may call in its own name, and by which actions, in the order of the policy's agents.
    pub(crate) calls: Vec<Vec<Call>>,
    /// What each agent may do in its own name.
    pub(crate) direct: Vec<Vec<usize>>,
    /// What was found, by origin, action and caller: the shortest way of each kind.
    pub(crate) paths: Vec<Path>,
    /// Agents that can pass a task in a circle, each circle once.
    pub(crate) circles: Vec<Vec<usize>>,
    /// Grants by which nobody can do anything.
    pub(crate) unused: Vec<RuleId>,
    /// How many ways were not looked at.
    pub(crate) left_out: usize,
}

/// An agent that another one may call, by these actions of its services.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) to: usize,
    pub(crate) by: Vec<usize>,
}

/// What an origin can cause.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    /// Agents, origin first; the last one asks.
    pub(crate) way: Vec<usize>,
    pub(crate) action: usize,
    pub(crate) outcome: Outcome,
    /// The rules by which everyone agrees, for what is not closed.
    pub(crate) rules: Vec<RuleId>,
}

/// What the sidecar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everyone may.
    Allowed,
    /// Only with arguments that someone's condition asks for: the place of the first such one in the way.
    Limited(Option<usize>),
    /// It is denied, by the one at this place in the way if it is someone.
    Closed(Code, Option<usize>),
    /// It is allowed only because an agent on the way has no sidecar that stamps, so that who is before it is not seen.
    Open,
}

impl Path {
    pub(crate) fn origin(&self) -> usize {
        self.way.first().copied().unwrap_or_default()
    }

    pub(crate) fn caller(&self) -> usize {
        self.way.last().copied().unwrap_or_default()
    }

    /// Whether a mesh that knows only who calls lets it pass, and the origin's authority does not cover it.
    pub(crate) fn is_escalation(&self) -> bool {
        let limits = match self.outcome {
            Outcome::Allowed => return false,
            Outcome::Open => return true,
            Outcome::Limited(limits) | Outcome::Closed(_, limits) => limits,
        };
        // What limits the caller itself limits it without anyone else.
        let caller = self.way.len().checked_sub(1);
        self.way.len() > 1 && limits != caller
    }

    /// Whether it can be caused.
    pub(crate) const fn is_reached(&self) -> bool {
        !matches!(self.outcome, Outcome::Closed(..))
    }
}

impl<'p> Reach<'p> {
    pub(crate) fn find(sidecars: &'p Sidecars<'_>, progress: &mut Progress<'_>) -> Result<Self, Problem> {
        let policy = &sidecars.loaded.policy;
        let asker = Asker::new(sidecars)?;
        let direct: Vec<Vec<usize>> =
            policy.agents.iter().map(|agent| direct(policy, agent, &asker)).collect();
        let calls = calls(policy, &asker, &direct);
        let mut reach = Self {
            policy,
            actions: asker.names(),
            calls,
            direct,
            paths: Vec::new(),
            circles: Vec::new(),
            unused: Vec::new(),
            left_out: 0,
        };
        let mut used = BTreeSet::new();
        reach.left_out = ways::walk(&mut reach, &asker, &mut used, progress);
        reach.circles = ways::circles(&reach.calls, progress);
        let name = |agent: &usize| policy.agents.get(*agent).map(|agent| agent.name.as_str());
        for circle in &mut reach.circles {
            circle.sort_by(|one, other| name(one).cmp(&name(other)));
        }
        reach.unused = grants(policy).filter(|rule| !used.contains(rule)).collect();
        Ok(reach)
    }

    pub(crate) fn agent(&self, place: usize) -> &str {
        self.policy.agents.get(place).map_or("?", |agent| &agent.name)
    }

    pub(crate) fn action(&self, place: usize) -> &str {
        self.actions.get(place).map_or("?", String::as_str)
    }

    /// `support > planner > billing`
    pub(crate) fn way(&self, way: &[usize]) -> String {
        way.iter().map(|agent| self.agent(*agent)).collect::<Vec<_>>().join(" > ")
    }

    /// What a mesh that knows only who calls lets pass, and this one does not, or not always.
    pub(crate) fn escalations(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().filter(|path| path.is_escalation())
    }

    /// Agents, and how many calls each makes for one root at most: what no verdict bounds.
    pub(crate) fn floods(&self) -> impl Iterator<Item = (&Agent, u32)> {
        let agents = self.policy.agents.iter();
        agents.filter_map(|agent| Some((agent, agent.outbound.budget.per_root?)))
    }

    /// Pairs of agents of which the first may call the second, which holds what the first does not: those actions.
    pub(crate) fn excess(&self) -> Vec<(usize, usize, Vec<usize>)> {
        let mut pairs = Vec::new();
        for (from, calls) in self.calls.iter().enumerate() {
            for call in calls {
                let held = self.held(from);
                let more = self.direct.get(call.to).into_iter().flatten();
                let more: Vec<usize> = more.copied().filter(|action| !held.contains(action)).collect();
                if !more.is_empty() {
                    pairs.push((from, call.to, more));
                }
            }
        }
        pairs
    }

    /// The actions that an agent holds a grant of, in whatever way.
    fn held(&self, agent: usize) -> BTreeSet<usize> {
        let Some(agent) = self.policy.agents.get(agent) else { return BTreeSet::new() };
        let rules = agent.grants.iter().filter_map(|id| self.policy.rules.get(usize::try_from(id.0).ok()?));
        let names = rules.flat_map(|rule| &rule.actions).filter_map(|id| ask::name(self.policy, *id));
        names.filter_map(|name| self.actions.iter().position(|known| *known == name)).collect()
    }
}

/// What an agent may do in its own name.
fn direct(policy: &Policy, agent: &Agent, asker: &Asker<'_>) -> Vec<usize> {
    let rules = agent.grants.iter().filter_map(|id| policy.rules.get(usize::try_from(id.0).ok()?));
    let actions = rules.filter(|rule| rule.reach.direct).flat_map(|rule| &rule.actions);
    let mut places: Vec<usize> = actions.filter_map(|id| asker.place(*id)).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// Whom each agent may call in its own name.
fn calls(policy: &Policy, asker: &Asker<'_>, direct: &[Vec<usize>]) -> Vec<Vec<Call>> {
    let agents = Agents::new(policy);
    let place = |agent: &Agent| policy.agents.iter().position(|other| core::ptr::eq(agent, other));
    let serves: Vec<Option<usize>> =
        policy.services.iter().map(|service| agents.of(&service.workload).and_then(place)).collect();
    let of_agent = |actions: &Vec<usize>| {
        let mut calls: Vec<Call> = Vec::new();
        for action in actions {
            let Some(to) = asker.service(*action).and_then(|service| *serves.get(service)?) else { continue };
            match calls.iter_mut().find(|call| call.to == to) {
                Some(call) => call.by.push(*action),
                None => calls.push(Call { to, by: vec![*action] }),
            }
        }
        calls
    };
    direct.iter().map(of_agent).collect()
}

/// Every grant of an agent.
fn grants(policy: &Policy) -> impl Iterator<Item = RuleId> {
    let mut grants: Vec<RuleId> =
        policy.agents.iter().flat_map(|agent| agent.grants.iter().copied()).collect();
    grants.sort_unstable();
    grants.dedup();
    grants.into_iter()
}
