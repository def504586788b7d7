//! Large, regular policies, for measurements.

use crate::model::{
    Action, ActionId, Agent, Comparison, Condition, Cycles, Decimal, Delegates, EffectSet, Field, Identity,
    Literal, Mesh, MeshEgress, Mode, Operand, Outbound, Policy, Protocol, Reach, Records, Rule, RuleId,
    Selector, Service, ServiceId, Through, Workload,
};
use crate::reference::{Case, FieldValue, Key, Lineage};
use crate::source::Span;

use super::choices::Choices;

/// How large.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Agents, each with one identity.
    pub agents: u32,
    /// Grants of each agent, all on one service, each of one action.
    pub grants: u32,
    /// Services, each with its own workload. Agents are spread over them evenly.
    pub services: u32,
    /// Actions of each service.
    pub actions: u32,
    /// How many different conditions grants have, drawn for each. With none, grants are unconditional.
    pub conditions: u32,
}

/// A policy of a size. The first agents of each service hold the same: actions 0 to `grants`.
#[must_use]
pub fn large(size: Size) -> Policy {
    let mut choices = Choices::from_seed(u64::from(size.agents));
    let mut rules = Vec::new();
    let agents = (0..size.agents)
        .map(|place| {
            let service = place.checked_rem(size.services).unwrap_or(0);
            let first_of_service = place.checked_div(size.services).unwrap_or(0) < CHAIN;
            let mut held: Vec<u32> = (0..size.actions).collect();
            for slot in 0..held.len() {
                let other = slot.saturating_add(choices.below(held.len().saturating_sub(slot)));
                if !first_of_service {
                    held.swap(slot, other);
                }
            }
            let first = rules.len();
            for index in held.into_iter().take(usize::try_from(size.grants).unwrap_or(0)) {
                let drawn = choices.below(usize::try_from(size.conditions).unwrap_or(0));
                let when = if size.conditions == 0 { None } else { Some(at_most(drawn)) };
                rules.push(grant(ActionId { service: ServiceId(service), index }, when));
            }
            agent(
                place,
                (first..rules.len()).filter_map(|rule| u32::try_from(rule).ok()).map(RuleId).collect(),
            )
        })
        .collect();
    Policy {
        mesh: Mesh {
            trust_domains: vec![String::from("cluster.local")],
            max_depth: 17,
            cycles: Cycles::Tolerate,
            mode: Mode::Enforce,
            egress: MeshEgress::default(),
            records: Records::default(),
        },
        services: (0..size.services).map(|place| service(place, size.actions)).collect(),
        agents,
        missions: Vec::new(),
        rules,
        effects: Vec::new(),
    }
}

/// The members of [`request`]'s lineage, the caller included.
const CHAIN: u32 = 4;

/// A request of four hops to the first service, of an action that all four may do.
#[must_use]
pub fn request(size: Size) -> Case {
    let member = |place: u32| {
        let (namespace, name) = names(place.saturating_mul(size.services));
        format!("spiffe://cluster.local/ns/{namespace}/sa/{name}")
    };
    Case {
        peer: Some(member(CHAIN.saturating_sub(1))),
        lineage: Lineage::Parsed {
            members: (0..CHAIN.saturating_sub(1)).map(member).collect(),
            missions: Vec::new(),
            merged: false,
        },
        protocol: Protocol::Mcp,
        key: Key::Known(b"tools/call:tool-3".to_vec()),
        fields: [(limit(), FieldValue::Number(Decimal { coefficient: 1, exponent: 0 }))].into(),
        arguments: None,
        now: 1,
    }
}

/// The workload of a service.
#[must_use]
pub fn workload(service: u32) -> Workload {
    Workload { namespace: String::from("tools"), service_account: format!("service-{service}") }
}

fn names(agent: u32) -> (String, String) {
    (format!("team-{}", agent.checked_rem(20).unwrap_or(0)), format!("agent-{agent}"))
}

/// The one field that conditions read.
fn limit() -> Field {
    Field::Body(["params", "arguments", "limit"].map(str::to_owned).to_vec())
}

fn at_most(number: usize) -> Condition {
    // Odd, so that it is in lowest form.
    let coefficient = i64::try_from(number).unwrap_or(0).saturating_mul(2).saturating_add(1);
    Condition::Compare {
        op: Comparison::LessOrEqual,
        left: Operand::Field(limit()),
        right: Operand::Literal(Literal::Number(Decimal { coefficient, exponent: 0 })),
    }
}

fn grant(action: ActionId, when: Option<Condition>) -> Rule {
    Rule {
        actions: vec![action],
        when,
        reach: Reach { direct: true, through: Through::Anyone },
        span: Span::default(),
    }
}

fn service(place: u32, actions: u32) -> Service {
    Service {
        name: format!("service-{place}"),
        workload: workload(place),
        protocol: Protocol::Mcp,
        actions: (0..actions)
            .map(|action| Action {
                name: format!("tool-{action}"),
                selector: Selector::Key(format!("tools/call:tool-{action}")),
                effects: EffectSet::default(),
                arguments: None,
                span: Span::default(),
            })
            .collect(),
        mode: None,
        max_body_bytes: None,
        span: Span::default(),
    }
}

fn agent(place: u32, grants: Vec<RuleId>) -> Agent {
    let (namespace, name) = names(place);
    Agent {
        identities: vec![Identity::Path(format!("/ns/{namespace}/sa/{name}"))],
        name,
        originates: true,
        stamping: true,
        revoked: false,
        missions: None,
        mission_required: false,
        grants,
        denies: Vec::new(),
        delegates: Delegates { to: None, max_depth: None },
        ceiling: None,
        mode: None,
        outbound: Outbound::default(),
        egress: None,
        span: Span::default(),
    }
}
