use std::collections::BTreeSet;

use ambit_compiler::compile::{Options, compile};
use ambit_compiler::generate::{self, Choices};
use ambit_compiler::ir::{Effect, Owner, RuleOrigin};
use ambit_compiler::model::{ActionId, Policy};
use ambit_eval::Program;

use super::listing::{Listing, Places};
use crate::policy::workloads;

/// `SERVICE/ACTION` of each action of a column.
fn actions(policy: &Policy, column: &[ActionId]) -> Vec<String> {
    let name = |id: &ActionId| {
        let service = &policy.services[id.service.0 as usize];
        format!("{}/{}", service.name, service.actions[id.index as usize].name)
    };
    column.iter().map(name).collect()
}

/// Who holds a rule, and whether it grants or denies.
fn held<'a>(policy: &'a Policy, origin: &RuleOrigin) -> (&'a str, &'static str) {
    let name = match origin.owner {
        Owner::Agent(id) => &policy.agents[id.0 as usize].name,
        Owner::Mission(id) => &policy.missions[id.0 as usize].name,
    };
    (name, if origin.effect == Effect::Grant { "grant" } else { "deny" })
}

#[test]
fn a_listing_says_what_was_compiled() {
    let mut conditions = 0;
    for seed in 0..400 {
        let policy = generate::policy(&mut Choices::from_seed(seed));
        for workload in workloads(&policy) {
            // Some conditions are drawn that take too many steps.
            let Ok(compiled) = compile(&policy, workload, &Options::default()) else { continue };
            let program = Program::verify(compiled.blob.as_slice()).unwrap();
            let listing = Listing::new(&program, &Places::default());

            let agents: Vec<&str> = listing.agents.iter().map(|agent| agent.name.as_str()).collect();
            let expected: Vec<&str> =
                compiled.agents.iter().map(|id| policy.agents[id.0 as usize].name.as_str()).collect();
            assert_eq!(agents, expected, "seed {seed}");

            let of_agents =
                listing.agents.iter().flat_map(|agent| agent.rules.iter().map(|rule| (&agent.name, rule)));
            let of_missions = listing
                .missions
                .iter()
                .flat_map(|mission| mission.rules.iter().map(|rule| (&mission.name, rule)));
            let mut numbers = BTreeSet::new();
            let mut listed = BTreeSet::new();
            for (name, rule) in of_agents.chain(of_missions) {
                assert!(numbers.insert(rule.number), "seed {seed}: rule {} is listed twice", rule.number);
                let origin = &compiled.rules[rule.number as usize];
                assert_eq!(
                    (name.as_str(), rule.effect),
                    held(&policy, origin),
                    "seed {seed} rule {}",
                    rule.number
                );
                assert_eq!(rule.actions, actions(&policy, &compiled.columns[usize::from(origin.column)]));
                assert!(rule.condition.is_none() || policy.rules[origin.rule.0 as usize].when.is_some());
                listed.insert((held(&policy, origin), origin.column));
            }
            // Rules behind one that always holds are left out, and some numbers stand for the same rule.
            let all: BTreeSet<_> =
                compiled.rules.iter().map(|origin| (held(&policy, origin), origin.column)).collect();
            assert_eq!(listed, all, "seed {seed}");
            for condition in &listing.conditions {
                conditions += 1;
                assert!(condition.code.windows(2).all(|pair| pair[0].offset < pair[1].offset));
                assert!(!condition.code.is_empty() && condition.code.len() <= condition.steps as usize);
            }
            assert!(listing.to_string().lines().count() > 20);
        }
    }
    assert!(conditions > 100, "too few conditions to mean anything: {conditions}");
}

/// A blob of an older version is listed as what it is, its rules by the numbers that its verdicts name.
#[test]
fn a_blob_of_version_1_is_listed() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../filter/eval/golden/delegation.blob");
    let blob = std::fs::read(golden).unwrap();
    let program = Program::verify(blob.as_slice()).unwrap();
    let listing = Listing::new(&program, &Places::default());
    assert_eq!((listing.version, listing.step_bound), (1, program.step_bound()));
    let denies = listing.agents.iter().flat_map(|agent| &agent.rules).filter(|rule| rule.effect == "deny");
    assert_eq!(denies.map(|rule| rule.number).collect::<Vec<_>>(), [11], "as delegation.requests says");
}
