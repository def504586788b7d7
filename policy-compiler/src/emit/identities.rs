//! From SPIFFE id to agent.

use std::collections::HashMap;

use ambit_bytecode::NONE;

use crate::automata;
use crate::compile::{CompileError, CompileErrorKind};
use crate::lower::Lowered;
use crate::model::Identity;

use super::pools::Pools;
use super::{index, write};

/// A slot of the exact index: the key that is hashed, and the record.
struct Exact<'a> {
    agent: u16,
    trust_domain: u16,
    path: &'a str,
}

pub(super) fn identities(
    lowered: &Lowered,
    pools: &mut Pools,
    out: &mut Vec<u8>,
) -> Result<(), CompileError> {
    let policy = &lowered.ir.slice.policy;
    let mut exact: Vec<Exact<'_>> = Vec::new();
    let mut namespaces: Vec<(&str, u16)> = Vec::new();
    let mut patterns: Vec<(&str, u16)> = Vec::new();
    // Where two agents claim the same, which the checker refuses, the first has it.
    let mut seen: HashMap<(u16, &str), ()> = HashMap::new();
    for (place, agent) in policy.agents.iter().enumerate() {
        let agent_number = write::narrow(place, "agents")?;
        for identity in &agent.identities {
            let exactly = match identity {
                Identity::Path(path) => Some((NONE, path)),
                Identity::Id { trust_domain, path } => {
                    let domain = policy.mesh.trust_domains.iter().position(|known| known == trust_domain);
                    // An identity in a trust domain that is not the mesh's is no one's.
                    domain.map(|place| Ok((write::narrow(place, "trust domains")?, path))).transpose()?
                }
                Identity::Namespace(namespace) => {
                    if namespaces.iter().all(|(known, _)| known != namespace) {
                        namespaces.push((namespace, agent_number));
                    }
                    None
                }
                Identity::Pattern(pattern) => {
                    patterns.push((pattern, agent_number));
                    None
                }
            };
            if let Some((trust_domain, path)) = exactly
                && seen.insert((trust_domain, path), ()).is_none()
            {
                exact.push(Exact { agent: agent_number, trust_domain, path });
            }
        }
    }
    write_exact(&exact, pools, out)?;
    write_namespaces(&namespaces, pools, out)?;
    let patterns = match patterns.is_empty() {
        true => NONE,
        false => {
            let automaton = automata::principals(&patterns).map_err(|error| {
                let pattern = String::from("the identity patterns of all agents");
                CompileError::new(CompileErrorKind::Pattern { pattern, reason: error.to_string() }, None)
            })?;
            pools.automaton(automaton)?
        }
    };
    write::u16(out, patterns);
    Ok(())
}

fn write_exact(exact: &[Exact<'_>], pools: &mut Pools, out: &mut Vec<u8>) -> Result<(), CompileError> {
    let mut keys = Vec::new();
    let mut records = Vec::new();
    for Exact { agent, trust_domain, path } in exact {
        let mut key = trust_domain.to_le_bytes().to_vec();
        key.extend(path.as_bytes());
        keys.push(key);
        let (namespace, name) = match kubernetes(path) {
            Some((namespace, account)) => (pools.string(namespace)?, pools.string(account)?),
            None => (NONE, pools.string(path)?),
        };
        let mut record = Vec::new();
        for word in [*agent, *trust_domain, namespace, name] {
            write::u16(&mut record, word);
        }
        records.push(record);
    }
    index::write(out, &keys, |place| records.get(place).cloned().unwrap_or_default())
}

fn write_namespaces(
    namespaces: &[(&str, u16)],
    pools: &mut Pools,
    out: &mut Vec<u8>,
) -> Result<(), CompileError> {
    let keys: Vec<Vec<u8>> = namespaces.iter().map(|(namespace, _)| namespace.as_bytes().to_vec()).collect();
    let mut records = Vec::new();
    for (namespace, agent) in namespaces {
        let mut record = Vec::new();
        write::u16(&mut record, *agent);
        write::u16(&mut record, pools.string(namespace)?);
        records.push(record);
    }
    index::write(out, &keys, |place| records.get(place).cloned().unwrap_or_default())
}

/// Namespace and service account of a path `/ns/NAMESPACE/sa/SERVICE-ACCOUNT`.
fn kubernetes(path: &str) -> Option<(&str, &str)> {
    let (namespace, account) = path.strip_prefix("/ns/")?.split_once("/sa/")?;
    let whole = |part: &str| !part.is_empty() && !part.contains('/');
    (whole(namespace) && whole(account)).then_some((namespace, account))
}
