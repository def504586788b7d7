//! Services, what can be asked of them, and how keys lead there.

use std::collections::HashMap;

use ambit_bytecode::NONE;

use crate::automata;
use crate::compile::{CompileError, CompileErrorKind};
use crate::lower::Lowered;
use crate::model::{Mode, Protocol, Segment, Selector, Service};
use crate::specificity::rank;

use super::pools::Pools;
use super::{index, write};

const PROTOCOLS: [Protocol; 5] =
    [Protocol::Http, Protocol::Mcp, Protocol::A2a, Protocol::Grpc, Protocol::Egress];

pub(super) fn actions(lowered: &Lowered, pools: &mut Pools, out: &mut Vec<u8>) -> Result<(), CompileError> {
    let services = &lowered.ir.slice.policy.services;
    let action_count: usize = services.iter().map(|service| service.actions.len()).sum();
    write::count16(out, services.len(), "services")?;
    write::count16(out, action_count, "actions")?;
    write::u16(out, lowered.ir.column_count);
    write::count16(out, lowered.listings.len(), "actions that list arguments")?;
    for service in services {
        write::u16(out, pools.string(&service.name)?);
        out.push(protocol_number(service.protocol));
        out.push(match service.mode {
            None => 0,
            Some(Mode::Enforce) => 1,
            Some(Mode::Shadow) => 2,
        });
    }
    for ((place, service), columns) in services.iter().enumerate().zip(&lowered.ir.columns) {
        for (action, column) in service.actions.iter().zip(columns) {
            write::u16(out, pools.string(&action.name)?);
            write::count16(out, place, "services")?;
            write::u16(out, pools.effect_set(action.effects)?);
            write::u16(out, *column);
        }
    }
    for listing in &lowered.listings {
        [listing.action, listing.objects, listing.arguments].into_iter().for_each(|id| write::u16(out, id));
    }
    Ok(())
}

pub(super) fn selectors(lowered: &Lowered, pools: &mut Pools, out: &mut Vec<u8>) -> Result<(), CompileError> {
    let services = &lowered.ir.slice.policy.services;
    let spoken: Vec<Protocol> = PROTOCOLS
        .into_iter()
        .filter(|protocol| services.iter().any(|service| service.protocol == *protocol))
        .collect();
    // In the order of their numbers, as protocols are.
    let limits: Vec<(Protocol, u32)> = spoken
        .iter()
        .filter_map(|protocol| {
            let mut services = services.iter().filter(|service| service.protocol == *protocol);
            Some((*protocol, services.find_map(|service| service.max_body_bytes)?))
        })
        .collect();
    write::count16(out, spoken.len(), "protocols")?;
    write::count16(out, limits.len(), "limits")?;
    for protocol in spoken {
        out.push(protocol_number(protocol));
        out.push(0);
        let Chosen { exact, patterns } = chosen(services, protocol)?;
        let automaton = match patterns.is_empty() {
            true => NONE,
            false => {
                let automaton = automata::actions(&patterns).map_err(|error| {
                    let pattern = format!("the {protocol:?} actions of all services");
                    CompileError::new(CompileErrorKind::Pattern { pattern, reason: error.to_string() }, None)
                })?;
                pools.automaton(automaton)?
            }
        };
        write::u16(out, automaton);
        let mut records = Vec::new();
        for (key, action) in &exact {
            let mut record = Vec::new();
            write::u16(&mut record, pools.string(key)?);
            write::u16(&mut record, *action);
            records.push(record);
        }
        let keys: Vec<Vec<u8>> = exact.into_iter().map(|(key, _)| key.into_bytes()).collect();
        index::write(out, &keys, |place| records.get(place).cloned().unwrap_or_default())?;
    }
    for (protocol, most) in limits {
        out.push(protocol_number(protocol));
        out.push(0);
        write::u16(out, 0);
        write::u32(out, most);
    }
    Ok(())
}

/// How the keys of one protocol lead to actions.
struct Chosen<'a> {
    /// Keys that are looked up, with their actions. Nothing is more specific.
    exact: Vec<(String, u16)>,
    /// The rest, most specific first.
    patterns: Vec<(&'a Selector, u16)>,
}

fn chosen(services: &[Service], protocol: Protocol) -> Result<Chosen<'_>, CompileError> {
    let mut exact = Vec::new();
    let mut seen = HashMap::new();
    let mut patterns = Vec::new();
    let actions =
        services.iter().flat_map(|service| service.actions.iter().map(move |action| (service, action)));
    for (place, (service, action)) in actions.enumerate() {
        if service.protocol != protocol {
            continue;
        }
        let number = write::narrow(place, "actions")?;
        let keys = exact_keys(&action.selector);
        if keys.is_empty() {
            patterns.push((&action.selector, number));
        }
        for key in keys {
            if seen.insert(key.clone(), ()).is_none() {
                exact.push((key, number));
            }
        }
    }
    // A stable sort: what is equally specific stays in the order of declaration.
    patterns.sort_by_cached_key(|(selector, _)| rank(selector));
    Ok(Chosen { exact, patterns })
}

/// The keys of a selector that is nothing but keys; else none.
fn exact_keys(selector: &Selector) -> Vec<String> {
    match selector {
        Selector::Key(key) if !key.contains('*') => vec![key.clone()],
        Selector::Key(_) => Vec::new(),
        Selector::Http { methods, path } => {
            let mut text = String::new();
            for segment in &path.segments {
                let Segment::Literal(literal) = segment else { return Vec::new() };
                text.push('/');
                text.push_str(literal);
            }
            if text.is_empty() {
                text.push('/');
            }
            methods.iter().map(|method| format!("{method} {text}")).collect()
        }
    }
}

const fn protocol_number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Http => 1,
        Protocol::Mcp => 2,
        Protocol::A2a => 3,
        Protocol::Grpc => 4,
        Protocol::Egress => 5,
    }
}
