//! Lists of destinations, and calls outside that are aimed at them.

use std::collections::BTreeMap;

use crate::model::{
    AgentId, Cidr, Decimal, Delegates, Denied, Destination, Egress, Field, HostPattern, Identity, MeshEgress,
    Policy, Workload,
};
use crate::reference::FieldValue;
use crate::source::Span;

use super::choices::Choices;
use super::pool;

const HOSTS: [&str; 7] =
    ["a.example", "b.a.example", "c.b.a.example", "ba.example", "example", "b.example", "a.example.b"];
const PORTS: [u16; 4] = [443, 80, 8443, 10];
const PATHS: [&str; 7] = ["/", "/v1", "/v1/", "/v1/x", "/v10", "/v1//x", "/v2/v1"];
const PREFIXES: [&str; 5] = ["/", "/v1", "/v1/", "/v1/x", "/v2/"];
const METHODS: [&str; 2] = ["GET", "POST"];
const ADDRESSES: [&str; 5] = ["10.0.0.1", "10.0.0.2", "::1", "::ffff:10.0.0.1", "2001:db8::1"];

/// Gives the mesh, its agents and its missions lists of destinations; the first agent, whose principal is `workload`'s,
/// in any case.
pub fn bound(choices: &mut Choices, policy: &mut Policy, workload: &Workload) {
    policy.mesh.egress = MeshEgress {
        deny: if choices.one_in(2) { choices.some(0, 3, denied) } else { Vec::new() },
        span: None,
        internal: Vec::new(),
    };
    let Workload { namespace, service_account } = workload;
    let own = Identity::Path(format!("/ns/{namespace}/sa/{service_account}"));
    for (place, agent) in policy.agents.iter_mut().enumerate() {
        agent.identities.retain(|identity| *identity != own);
        if place == 0 {
            agent.identities.insert(0, own.clone());
        }
        agent.egress = if place == 0 || choices.one_in(2) { Some(egress(choices)) } else { None };
    }
    for mission in &mut policy.missions {
        mission.egress = if choices.one_in(2) { Some(egress(choices)) } else { None };
    }
}

/// Agents and missions that nothing limits but their lists: `/ns/w/sa/w1` is the first agent, `/ns/w/sa/agent1` the next.
pub fn world(choices: &mut Choices, workload: &Workload) -> Policy {
    let mut policy = super::policy::policy_of(choices);
    super::policy::open(&mut policy);
    policy.mesh.trust_domains.truncate(1);
    let count = policy.agents.len();
    for (place, agent) in policy.agents.iter_mut().enumerate() {
        agent.identities = vec![Identity::Path(format!("/ns/w/sa/agent{place}"))];
        agent.mode = None;
        agent.stamping = true;
        agent.delegates = Delegates { to: Some((0..).map(AgentId).take(count).collect()), max_depth: None };
    }
    bound(choices, &mut policy, workload);
    policy
}

fn egress(choices: &mut Choices) -> Egress {
    Egress { allow: choices.some(0, 4, destination), mode: None, span: Span::default() }
}

fn destination(choices: &mut Choices) -> Destination {
    let by_network = choices.one_in(3);
    Destination {
        host: (!by_network || choices.one_in(2)).then(|| host(choices)),
        network: by_network.then(|| network(choices)),
        ports: choices.one_in(3).then(|| {
            let mut ports = choices.some(1, 3, |choices| choices.pick(&PORTS).copied().unwrap_or(443));
            ports.sort_unstable();
            ports.dedup();
            ports
        }),
        methods: if choices.one_in(4) {
            choices.subset(&METHODS).into_iter().map(str::to_owned).collect()
        } else {
            Vec::new()
        },
        path_prefix: choices.one_in(4).then(|| choices.pick(&PREFIXES).copied().unwrap_or("/").to_owned()),
        span: Span::default(),
    }
}

fn denied(choices: &mut Choices) -> Denied {
    if choices.one_in(2) { Denied::Network(network(choices)) } else { Denied::Host(host(choices)) }
}

fn host(choices: &mut Choices) -> HostPattern {
    let name = choices.pick(&HOSTS).copied().unwrap_or("example").to_owned();
    if choices.one_in(3) { HostPattern::Below(name) } else { HostPattern::Exact(name) }
}

fn network(choices: &mut Choices) -> Cidr {
    choices.pick(&pool::networks()).copied().unwrap_or(Cidr { address: [0; 16], prefix: 0 })
}

/// What is known of where a call goes; the method and the path if the proxy sees HTTP.
pub fn fields(choices: &mut Choices) -> BTreeMap<Field, FieldValue> {
    let mut fields = BTreeMap::new();
    let text = |text: &str| FieldValue::Text(text.as_bytes().to_vec());
    if !choices.one_in(4) {
        fields.insert(Field::DestinationHost, text(choices.pick(&HOSTS).copied().unwrap_or("example")));
    }
    if choices.one_in(2) {
        fields.insert(Field::DestinationAddress, text(choices.pick(&ADDRESSES).copied().unwrap_or("::1")));
    }
    let port = choices.pick(&PORTS).copied().unwrap_or(443);
    fields.insert(Field::DestinationPort, FieldValue::Number(Decimal::whole(u32::from(port))));
    if choices.one_in(2) {
        fields.insert(Field::Method, text(choices.pick(&METHODS).copied().unwrap_or("GET")));
        fields.insert(Field::Path, text(choices.pick(&PATHS).copied().unwrap_or("/")));
    }
    fields
}
