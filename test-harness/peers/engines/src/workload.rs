//! What all engines are asked: agents and their grants, and requests with the answers that are right.

use std::collections::BTreeSet;

use ambit_compiler::generate::large::{Size, large, workload};
use ambit_compiler::model::{self, Identity, Policy};

/// Actions of the one service.
pub(crate) const ACTIONS: u32 = 40;
const GRANTS: u32 = 10;
/// Enough requests that they do not all stay in the nearest cache.
const REQUESTS: u32 = 256;

/// A policy and requests.
pub(crate) struct Workload {
    /// The policy, as Ambit's compiler takes it.
    pub(crate) policy: Policy,
    /// The workload that serves the actions.
    pub(crate) place: model::Workload,
    /// SPIFFE ids, each with the actions that it holds.
    pub(crate) agents: Vec<(String, BTreeSet<u32>)>,
    pub(crate) requests: Vec<Request>,
}

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    /// Its members by place, the caller last.
    pub(crate) chain: Vec<usize>,
    pub(crate) action: u32,
    /// Whether all members hold the action.
    pub(crate) expected: bool,
}

impl Workload {
    pub(crate) fn new(agents: u32, hops: usize) -> Self {
        let size = Size { agents, grants: GRANTS, services: 1, actions: ACTIONS, conditions: 0 };
        let policy = large(size);
        let agents: Vec<_> = policy
            .agents
            .iter()
            .map(|agent| {
                let [Identity::Path(path)] = agent.identities.as_slice() else { panic!("one path each") };
                let rules = agent.grants.iter().map(|rule| &policy.rules[rule.0 as usize]);
                let held = rules.flat_map(|rule| rule.actions.iter().map(|action| action.index));
                (format!("spiffe://cluster.local{path}"), held.collect::<BTreeSet<u32>>())
            })
            .collect();
        let mut random = Random(u64::from(REQUESTS));
        let requests = (0..REQUESTS)
            .map(|place| {
                let action = random.below(ACTIONS as usize) as u32;
                // Every other request is one that all members may make.
                let holders: Vec<usize> = (0..agents.len())
                    .filter(|agent| place % 2 == 1 || agents[*agent].1.contains(&action))
                    .collect();
                let chain: Vec<usize> = if holders.is_empty() {
                    vec![0; hops]
                } else {
                    (0..hops).map(|_| holders[random.below(holders.len())]).collect()
                };
                let expected = chain.iter().all(|agent| agents[*agent].1.contains(&action));
                Request { chain, action, expected }
            })
            .collect();
        Self { policy, place: workload(0), agents, requests }
    }

    /// The requests that are allowed, by place.
    pub(crate) fn allowed(&self) -> Vec<usize> {
        (0..self.requests.len()).filter(|place| self.requests[*place].expected).collect()
    }

    /// The SPIFFE ids of a request's members.
    pub(crate) fn members(&self, request: &Request) -> impl Iterator<Item = &str> {
        request.chain.iter().map(|agent| self.agents[*agent].0.as_str())
    }
}

/// The name of an action.
pub(crate) fn tool(action: u32) -> String {
    format!("tool-{action}")
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}
