//! All that a program says of itself.

use ambit_eval::inspect::{IdentityKind, RuleDescription, Through};
use ambit_eval::{Program, Protocol, Value};

type Blob<'a> = Program<&'a [u8]>;

/// Every text that can be asked for by one id, and all that need none.
pub(crate) fn texts<'a>(program: &'a Blob<'_>, id: u16) -> impl Iterator<Item = &'a [u8]> {
    let (namespace, account) = program.workload();
    let (service, action) = program.action_name(id).unwrap_or_default();
    let agent = program.agent_description(id).map(|agent| agent.name);
    let mission = program.mission_description(id).map(|mission| mission.name);
    let names = [program.agent_name(id), program.mission_name(id), agent, mission];
    let label = program.effect_label(id.to_le_bytes()[0]);
    let field = program.field(id).map(|field| field.name);
    let keys = (0..u8::MAX).filter_map(move |place| program.field_key(id, place));
    let selected =
        Protocol::ALL.into_iter().flat_map(|protocol| program.exact_keys(protocol).map(|key| key.key));
    let identities = program.identities().map(|identity| match identity.kind {
        IdentityKind::ServiceAccount { name, .. } => name,
        IdentityKind::Path { path, .. } => path,
        IdentityKind::Namespace(namespace) => namespace,
    });
    let literals =
        program.literal(id).into_iter().chain(program.literal_set(id)).filter_map(|literal| match literal {
            Value::Text(text) => Some(text),
            _ => None,
        });
    [namespace, account, service, action]
        .into_iter()
        .chain(names.into_iter().flatten())
        .chain(label)
        .chain(field)
        .chain(keys)
        .chain(program.trust_domains())
        .chain(program.actions().map(|action| action.name))
        .chain(selected)
        .chain(identities)
        .chain(literals)
}

/// Every number.
pub(crate) fn for_each_number(program: &Blob<'_>, id: u16, mut number: impl FnMut(u32)) {
    for protocol in Protocol::ALL {
        number(u32::from(program.speaks(protocol)));
        number(program.body_limit(protocol).unwrap_or_default());
        number(u32::from(program.key_automaton(protocol).unwrap_or_default()));
        number(u32::from(program.action(protocol, program.bytes()).unwrap_or_default()));
        let mut marks = [0; 64];
        let marks = marks.get_mut(..program.marks(protocol)).unwrap_or_default();
        let prefix = program.bytes().get(..usize::from(id)).unwrap_or_default();
        number(u32::from(program.actions_below(protocol, prefix, marks, |_| {})));
    }
    let mesh = program.mesh();
    number(u32::from(mesh.max_depth) ^ u32::from(program.max_depth()) ^ program.missions());
    number(u32::from(program.stamps(id)) ^ u32::from(program.identity_automaton().unwrap_or_default()));
    let (states, ranges) = program.automaton_size(id).unwrap_or_default();
    number(states ^ ranges);
    program.agent_rules(id).chain(program.mission_rules(id)).for_each(|rule| number(folded(&rule)));
    program.set_members(id).for_each(|member| number(u32::from(member)));
    for (address, prefix) in program.networks(id) {
        number(u32::from(address.contains(&prefix)));
    }
    for condition in 0..program.conditions() {
        number(program.condition_steps(condition).unwrap_or_default());
        for instruction in program.instructions(condition) {
            number(instruction.offset ^ u32::from(instruction.operands.contains(&id)));
        }
    }
    program.for_each_read(|field, is_list| number(u32::from(field) ^ u32::from(is_list)));
    for listing in (0..program.listings()).filter_map(|listing| program.listing(listing)) {
        number(u32::from(listing.action) ^ u32::from(listing.objects) ^ u32::from(listing.arguments));
    }
    number(u32::from(program.protocol(id).is_some()));
}

fn folded(rule: &RuleDescription) -> u32 {
    let through = match rule.through {
        Through::Anyone => 1,
        Through::Nobody => 2,
        Through::Agents(set) => u32::from(set),
    };
    rule.number ^ through ^ u32::from(rule.column) ^ u32::from(rule.condition.unwrap_or_default())
}
