//! Ways through a mesh, shortest first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ambit_compiler::model::RuleId;

use super::ask::Asker;
use super::{Call, Outcome, Path, Reach};
use crate::limits::{MAX_CIRCLE_LENGTH, MAX_CIRCLES, MAX_WAYS};
use crate::progress::Progress;

/// What kind of answer there is already for an origin, an action and a caller.
type Kind = (usize, usize, usize, u8);

/// Walks all ways from every agent that may begin work. How many were left out.
pub(super) fn walk(
    reach: &mut Reach<'_>,
    asker: &Asker<'_>,
    used: &mut BTreeSet<RuleId>,
    progress: &mut Progress<'_>,
) -> usize {
    let most = usize::from(reach.policy.mesh.max_depth);
    let origins: Vec<usize> = (0..)
        .zip(&reach.policy.agents)
        .filter(|(_, agent)| agent.originates)
        .map(|(place, _)| place)
        .collect();
    let mut found: BTreeMap<Kind, Path> = BTreeMap::new();
    let mut waiting: VecDeque<Vec<usize>> = origins.into_iter().map(|origin| vec![origin]).collect();
    let mut walked = 0_usize;
    let mut left_out = 0;
    while let Some(way) = waiting.pop_front() {
        if walked >= MAX_WAYS {
            left_out = waiting.len().saturating_add(1);
            break;
        }
        walked = walked.saturating_add(1);
        progress.advance(1);
        let Some(caller) = way.last().copied() else { continue };
        for action in reach.direct.get(caller).into_iter().flatten() {
            let (outcome, rules) = asker.ask(&way, *action);
            used.extend(rules.iter().copied());
            let path = Path { way: way.clone(), action: *action, outcome, rules };
            let kind = match outcome {
                Outcome::Allowed => 0,
                Outcome::Limited(_) => 1,
                Outcome::Open => 2,
                Outcome::Closed(..) => 3,
            };
            found.entry((path.origin(), *action, caller, kind)).or_insert(path);
        }
        if way.len() >= most {
            continue;
        }
        for call in reach.calls.get(caller).into_iter().flatten() {
            if !way.contains(&call.to) {
                let mut longer = way.clone();
                longer.push(call.to);
                waiting.push_back(longer);
            }
        }
    }
    reach.paths = found.into_values().collect();
    left_out
}

/// Agents that can pass a task in a circle: each circle once, whoever begins.
pub(super) fn circles(calls: &[Vec<Call>], progress: &mut Progress<'_>) -> Vec<Vec<usize>> {
    let mut found: BTreeSet<Vec<usize>> = BTreeSet::new();
    for first in 0..calls.len() {
        // A circle is found from the agent in it that comes first.
        let mut waiting: VecDeque<Vec<usize>> = VecDeque::from([vec![first]]);
        let mut walked = 0_usize;
        while let Some(way) = waiting.pop_front() {
            walked = walked.saturating_add(1);
            progress.advance(1);
            if walked > MAX_WAYS || found.len() >= MAX_CIRCLES {
                break;
            }
            let Some(last) = way.last().copied() else { continue };
            for call in calls.get(last).into_iter().flatten() {
                if call.to == first && way.len() > 1 {
                    let mut circle = way.clone();
                    circle.sort_unstable();
                    found.insert(circle);
                } else if call.to > first && !way.contains(&call.to) && way.len() < MAX_CIRCLE_LENGTH {
                    let mut longer = way.clone();
                    longer.push(call.to);
                    waiting.push_back(longer);
                }
            }
        }
    }
    found.into_iter().collect()
}
