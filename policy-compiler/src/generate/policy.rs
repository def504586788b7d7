//! Policies.

use crate::model::{
    Action, ActionId, Agent, AgentId, Budget, Cycles, Delegates, EffectSet, Identity, Mesh, MeshEgress,
    Mission, MissionId, Mode, Outbound, PathPattern, Policy, Protocol, Reach, Records, Rule, RuleId, Segment,
    Selector, Service, ServiceId, Through, Workload,
};
use crate::source::Span;

use super::choices::Choices;
use super::{condition, egress, pool};

const PROTOCOLS: [Protocol; 5] =
    [Protocol::Http, Protocol::Mcp, Protocol::A2a, Protocol::Grpc, Protocol::Egress];

/// A policy; now and then the one by which calls outside are judged.
pub fn policy(choices: &mut Choices) -> Policy {
    let mut policy = policy_of(choices);
    if choices.one_in(6) {
        let workload = workload(false);
        egress::bound(choices, &mut policy, &workload);
        policy = crate::egress::policy(&policy, &workload).unwrap_or(policy);
    }
    policy
}

/// A policy as documents say it.
pub(super) fn policy_of(choices: &mut Choices) -> Policy {
    let services: Vec<Service> = {
        let count = choices.below(3).saturating_add(1);
        (0..count).map(|place| service(choices, place)).collect()
    };
    let agents = choices.below(5).saturating_add(1);
    let missions = choices.below(3);
    let mut maker = Maker {
        actions: (0..)
            .map(ServiceId)
            .zip(&services)
            .flat_map(|(id, service)| actions_of(id, service))
            .collect(),
        agents,
        missions,
        rules: Vec::new(),
    };
    let agents = (0..agents).map(|place| maker.agent(choices, place)).collect();
    let missions = (0..missions).map(|place| maker.mission(choices, place)).collect();
    let mut policy = Policy {
        mesh: mesh(choices),
        services,
        agents,
        missions,
        rules: maker.rules,
        effects: pool::EFFECTS.iter().map(|effect| (*effect).to_owned()).collect(),
    };
    if choices.one_in(2) {
        open(&mut policy);
    }
    policy
}

/// Takes away most of what denies before conditions are asked, so that they have the last word even where many must agree.
pub(super) fn open(policy: &mut Policy) {
    policy.mesh.max_depth = 17;
    policy.mesh.cycles = Cycles::Tolerate;
    for agent in &mut policy.agents {
        agent.originates = true;
        agent.revoked = false;
        agent.mission_required = false;
        agent.missions = None;
        agent.delegates = Delegates { to: None, max_depth: None };
        agent.ceiling = None;
    }
    for mission in &mut policy.missions {
        mission.ceiling = None;
        mission.not_after = None;
    }
    for rule in &mut policy.rules {
        rule.reach = Reach { direct: true, through: Through::Anyone };
    }
}

fn actions_of(service: ServiceId, of: &Service) -> Vec<ActionId> {
    (0..).zip(&of.actions).map(|(index, _)| ActionId { service, index }).collect()
}

fn mesh(choices: &mut Choices) -> Mesh {
    let domains = choices.below(2).saturating_add(1);
    Mesh {
        trust_domains: pool::TRUST_DOMAINS.iter().take(domains).map(|domain| (*domain).to_owned()).collect(),
        max_depth: u8::try_from(17_usize.saturating_sub(choices.below(17))).unwrap_or(17),
        cycles: if choices.below(2) == 0 { Cycles::Tolerate } else { Cycles::Refuse },
        mode: if choices.one_in(4) { Mode::Shadow } else { Mode::Enforce },
        egress: MeshEgress::default(),
        records: Records::default(),
    }
}

fn mode(choices: &mut Choices) -> Option<Mode> {
    match choices.below(6) {
        4 => Some(Mode::Enforce),
        5 => Some(Mode::Shadow),
        _ => None,
    }
}

fn service(choices: &mut Choices, place: usize) -> Service {
    let protocol = choices.pick(&PROTOCOLS).copied().unwrap_or(Protocol::Http);
    let mut actions = Vec::new();
    for number in 0..choices.below(5) {
        actions.push(Action {
            name: format!("action{number}"),
            selector: selector(choices, protocol),
            effects: effects(choices),
            arguments: arguments(choices, protocol),
            span: Span::default(),
        });
    }
    Service {
        name: format!("service{place}"),
        workload: workload(choices.one_in(4)),
        protocol,
        actions,
        mode: mode(choices),
        max_body_bytes: None,
        span: Span::default(),
    }
}

/// One of two workloads.
pub(super) fn workload(other: bool) -> Workload {
    Workload { namespace: "w".into(), service_account: if other { "w2".into() } else { "w1".into() } }
}

/// Parts of an object now and then, and never the whole of it as well.
fn arguments(choices: &mut Choices, protocol: Protocol) -> Option<Vec<Vec<String>>> {
    if protocol == Protocol::Grpc || !choices.one_in(4) {
        return None;
    }
    let mut listed: Vec<Vec<String>> = Vec::new();
    for name in pool::ARGUMENTS {
        match choices.below(4) {
            1 => listed.push(vec![name.to_owned()]),
            2 => listed.extend(
                choices
                    .subset(&pool::ARGUMENTS)
                    .into_iter()
                    .map(|part| vec![name.to_owned(), part.to_owned()]),
            ),
            3 => listed.push(vec![name.to_owned(), String::from("a"), String::from("b")]),
            _ => {}
        }
    }
    listed.sort();
    Some(listed)
}

fn effects(choices: &mut Choices) -> EffectSet {
    EffectSet(u64::try_from(choices.below(8)).unwrap_or(0))
}

fn selector(choices: &mut Choices, protocol: Protocol) -> Selector {
    if protocol != Protocol::Http {
        let parts = choices.some(1, 2, |choices| choices.pick(&pool::KEYS).copied().unwrap_or("*"));
        return Selector::Key(parts.concat());
    }
    let mut methods: Vec<String> = choices.subset(&pool::METHODS).into_iter().map(str::to_owned).collect();
    methods.sort_unstable();
    let mut segments = choices.some(0, 3, |choices| match choices.below(4) {
        3 => Segment::One(None),
        literal => Segment::Literal(pool::SEGMENTS.get(literal).copied().unwrap_or("a").to_owned()),
    });
    if choices.one_in(3) {
        segments.push(Segment::Rest);
    }
    Selector::Http { methods, path: PathPattern { segments } }
}

fn identity(choices: &mut Choices) -> Identity {
    let namespace = choices.pick(&pool::NAMESPACES).copied().unwrap_or("n");
    let account = choices.pick(&pool::ACCOUNTS).copied().unwrap_or("a");
    let path = if choices.one_in(6) {
        choices.pick(&pool::PATHS).copied().unwrap_or("/x").to_owned()
    } else {
        format!("/ns/{namespace}/sa/{account}")
    };
    match choices.below(8) {
        4 => Identity::Id {
            trust_domain: choices.pick(&pool::TRUST_DOMAINS).copied().unwrap_or("").to_owned(),
            path,
        },
        5 => Identity::Namespace(namespace.to_owned()),
        6 => Identity::Pattern(choices.pick(&pool::PATTERNS).copied().unwrap_or("/*").to_owned()),
        _ => Identity::Path(path),
    }
}

struct Maker {
    actions: Vec<ActionId>,
    agents: usize,
    missions: usize,
    rules: Vec<Rule>,
}

impl Maker {
    fn agent(&mut self, choices: &mut Choices, place: usize) -> Agent {
        let grants = self.rules(choices, 4);
        let denies = if choices.one_in(3) { self.rules(choices, 2) } else { Vec::new() };
        Agent {
            name: format!("agent{place}"),
            identities: choices.some(1, 3, identity),
            originates: !choices.one_in(4),
            stamping: !choices.one_in(3),
            revoked: choices.one_in(12),
            missions: choices.one_in(4).then(|| self.some_missions(choices)),
            mission_required: choices.one_in(8),
            grants,
            denies,
            delegates: Delegates {
                to: choices.one_in(3).then(|| self.some_agents(choices)),
                max_depth: choices.one_in(4).then(|| u8::try_from(choices.below(4)).unwrap_or(0)),
            },
            ceiling: choices.one_in(3).then(|| effects(choices)),
            mode: mode(choices),
            outbound: Outbound::default(),
            egress: None,
            span: Span::default(),
        }
    }

    fn mission(&mut self, choices: &mut Choices, place: usize) -> Mission {
        Mission {
            name: format!("mission{place}"),
            grants: self.rules(choices, 3),
            denies: if choices.one_in(4) { self.rules(choices, 1) } else { Vec::new() },
            ceiling: choices.one_in(3).then(|| effects(choices)),
            not_after: choices
                .one_in(3)
                .then(|| u64::try_from(choices.below(4)).unwrap_or(0).saturating_mul(50_000).max(1)),
            budget: Budget::default(),
            egress: None,
            span: Span::default(),
        }
    }

    /// Rules of its own; now and then one that someone else holds, too, as toolsets make them.
    fn rules(&mut self, choices: &mut Choices, most: usize) -> Vec<RuleId> {
        let mut ids = Vec::new();
        for _ in 0..choices.below(most.saturating_add(1)) {
            let shared = !self.rules.is_empty() && choices.one_in(8);
            let id = if shared { choices.below(self.rules.len()) } else { self.rules.len() };
            if !shared {
                let rule = self.rule(choices);
                self.rules.push(rule);
            }
            let id = RuleId(u32::try_from(id).unwrap_or(0));
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    fn rule(&self, choices: &mut Choices) -> Rule {
        let mut actions =
            if choices.one_in(3) { choices.subset(&self.actions) } else { self.actions.clone() };
        actions.sort_unstable();
        let through = match choices.below(4) {
            2 => Through::Nobody,
            3 => Through::Agents(self.some_agents(choices)),
            _ => Through::Anyone,
        };
        Rule {
            actions,
            when: choices.one_in(2).then(|| condition(choices, self.agents, self.missions, 3)),
            reach: Reach { direct: !choices.one_in(4), through },
            span: Span::default(),
        }
    }

    fn some_agents(&self, choices: &mut Choices) -> Vec<AgentId> {
        let all: Vec<AgentId> =
            (0..self.agents).filter_map(|agent| u32::try_from(agent).ok()).map(AgentId).collect();
        choices.subset(&all)
    }

    fn some_missions(&self, choices: &mut Choices) -> Vec<MissionId> {
        let all: Vec<MissionId> =
            (0..self.missions).filter_map(|mission| u32::try_from(mission).ok()).map(MissionId).collect();
        choices.subset(&all)
    }
}
