//! The sample `swarm` has exactly the escalations that its `stories.txt` tells of, and they are denied.
//!
//! What a mesh that knows only who calls would let pass is searched for here by brute force: every way on which each
//! agent may call the next in its own name, and every action at the end of it that the last one may do in its own name.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod decide;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ambit_compiler::check::check;
use ambit_compiler::model::{ActionId, Agent, AgentId, Identity, Policy, Segment, Selector};
use ambit_compiler::source::Sources;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/swarm")
}

fn policy() -> Policy {
    let mut sources = Sources::new();
    for name in ["mesh.yaml", "services.yaml", "agents.yaml"] {
        sources.add(name, fs::read_to_string(sample().join(name)).unwrap());
    }
    check(&sources).policy.unwrap()
}

/// Story, what it is about, and its verdicts.
fn stories() -> Vec<(String, String, Vec<String>)> {
    let text = fs::read_to_string(sample().join("stories.txt")).unwrap();
    let mut stories: Vec<(String, String, Vec<String>)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.split_once("] ")) {
            Some((story, about)) => stories.push((story.to_owned(), about.to_owned(), Vec::new())),
            None => stories.last_mut().expect("a story before its verdicts").2.push(line.to_owned()),
        }
    }
    stories
}

/// Agents, and what each may do in its own name.
struct Swarm<'a> {
    policy: &'a Policy,
    direct: BTreeMap<AgentId, BTreeSet<ActionId>>,
}

impl<'a> Swarm<'a> {
    fn new(policy: &'a Policy) -> Self {
        let direct = |agent: &Agent| {
            let rules = agent.grants.iter().map(|id| &policy.rules[usize::try_from(id.0).unwrap()]);
            rules.filter(|rule| rule.reach.direct).flat_map(|rule| rule.actions.clone()).collect()
        };
        Self { policy, direct: (0..).map(AgentId).zip(policy.agents.iter().map(direct)).collect() }
    }

    fn agent(&self, id: AgentId) -> &'a Agent {
        &self.policy.agents[usize::try_from(id.0).unwrap()]
    }

    /// `service/action`, and a request for it.
    fn action(&self, id: ActionId) -> (String, String) {
        let service = &self.policy.services[usize::try_from(id.service.0).unwrap()];
        let action = &service.actions[usize::try_from(id.index).unwrap()];
        let request = match &action.selector {
            Selector::Key(key) => key.clone(),
            Selector::Http { methods, path } => {
                let segments = path.segments.iter().map(|segment| match segment {
                    Segment::Literal(text) => format!("/{text}"),
                    Segment::One(_) | Segment::Rest => "/x".to_owned(),
                });
                format!("{} {}", methods[0], segments.collect::<String>())
            }
        };
        (format!("{}/{}", service.name, action.name), format!("{} {request}", service.name))
    }

    /// Whom an agent may call in its own name.
    fn calls(&self, agent: AgentId) -> BTreeSet<AgentId> {
        let services = self.direct[&agent].iter().map(|action| usize::try_from(action.service.0).unwrap());
        let workloads: BTreeSet<String> = services
            .map(|service| &self.policy.services[service].workload)
            .map(|workload| format!("/ns/{}/sa/{}", workload.namespace, workload.service_account))
            .collect();
        let is_called = |id: &AgentId| {
            let path =
                |identity: &Identity| matches!(identity, Identity::Path(path) if workloads.contains(path));
            self.agent(*id).identities.iter().any(path)
        };
        self.direct.keys().copied().filter(is_called).collect()
    }

    /// Every way from `way` on along which no agent comes twice.
    fn ways(&self, way: &[AgentId], found: &mut Vec<Vec<AgentId>>) {
        found.push(way.to_vec());
        for next in self.calls(way[way.len() - 1]) {
            if !way.contains(&next) {
                self.ways(&[way, &[next]].concat(), found);
            }
        }
    }

    /// What passes where only the last hop counts, and not where all do.
    fn escalations(&self) -> BTreeSet<String> {
        let mut ways = Vec::new();
        for origin in self.direct.keys().filter(|id| self.agent(**id).originates) {
            self.ways(&[*origin], &mut ways);
        }
        let mut found = BTreeSet::new();
        for way in ways {
            let names: Vec<&str> = way.iter().map(|id| self.agent(*id).name.as_str()).collect();
            let (caller, members) = names.split_last().unwrap();
            for action in &self.direct[way.last().unwrap()] {
                let (name, request) = self.action(*action);
                let who = if members.is_empty() {
                    (*caller).to_owned()
                } else {
                    format!("{caller} for {}", members.join(", "))
                };
                if decide::hold(self.policy, &format!("{who}: {request} -> allowed")).is_err() {
                    found.insert(format!("{} causes {name} by {caller}", names[0]));
                }
            }
        }
        found
    }

    /// Agents that can pass a task in a circle, each circle once.
    fn circles(&self) -> BTreeSet<String> {
        let mut ways = Vec::new();
        for agent in self.direct.keys() {
            self.ways(&[*agent], &mut ways);
        }
        ways.retain(|way| self.calls(way[way.len() - 1]).contains(&way[0]));
        let names = |way: &Vec<AgentId>| {
            let mut names: Vec<&str> = way.iter().map(|id| self.agent(*id).name.as_str()).collect();
            names.sort_unstable();
            names.join(", ")
        };
        ways.iter().map(names).collect()
    }
}

impl Swarm<'_> {
    /// What no verdict bounds, but a budget: each request of a flood is allowed.
    fn budgets(&self) -> BTreeSet<String> {
        let of = |agent: &Agent| {
            Some(format!("{} makes {} calls for one root", agent.name, agent.outbound.budget.per_root?))
        };
        self.policy.agents.iter().filter_map(of).collect()
    }
}

#[test]
fn the_stories_are_denied_and_the_tasks_beside_them_are_not() {
    let policy = policy();
    let budgets = Swarm::new(&policy).budgets();
    for (story, about, verdicts) in stories() {
        let is_allow = |verdict: &&String| verdict.ends_with(" -> allowed");
        assert!(verdicts.iter().any(|verdict| is_allow(&verdict)), "{story}: nothing goes on working");
        let is_bounded = budgets.contains(&about);
        assert_eq!(verdicts.iter().all(|verdict| is_allow(&verdict)), is_bounded, "{story}: what is denied?");
        for verdict in verdicts {
            decide::hold(&policy, &verdict).unwrap_or_else(|why| panic!("{story}: {verdict}: {why}"));
        }
    }
}

#[test]
fn there_are_exactly_these_escalations() {
    let policy = policy();
    let swarm = Swarm::new(&policy);
    let mut found = swarm.escalations();
    found.extend(swarm.circles());
    found.extend(swarm.budgets());
    let told: BTreeSet<String> = stories().into_iter().map(|(_, about, _)| about).collect();
    assert_eq!(found, told);
    assert_eq!(told.len(), 7);
}
