//! From the library's automaton to our table, made minimal.

use std::collections::HashMap;

use regex_automata::Anchored;
use regex_automata::dfa::{Automaton as _, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;

use super::pattern::{AutomatonError, too_large};
use super::{Automaton, Range, State};

/// A state while it is found: its label, and where each byte leads.
struct Found {
    label: Option<u16>,
    targets: Vec<Option<usize>>,
}

/// The table of `dfa`, where a match of pattern `p` has the label `label(p)` and the first pattern wins.
///
/// Anchored, all of the input must match. Otherwise a match somewhere is enough, so that what follows does not count.
pub(super) fn build(
    dfa: &dense::DFA<Vec<u32>>,
    anchored: Anchored,
    label: impl Fn(usize) -> u16,
) -> Result<Automaton, AutomatonError> {
    let start = dfa
        .start_state(&start::Config::new().anchored(anchored))
        .map_err(|error| AutomatonError::Unsupported(error.to_string()))?;
    let mut places: HashMap<StateID, usize> = HashMap::from([(start, 0)]);
    let mut order = vec![start];
    let mut found = Vec::new();
    while let Some(id) = order.get(found.len()).copied() {
        let matched = anchored == Anchored::No && dfa.is_match_state(id);
        if matched {
            // It has matched before the last byte: whatever follows, it stays so.
            let here = Some(found.len());
            found.push(Found { label: Some(label(0)), targets: vec![here; 256] });
            continue;
        }
        let end = dfa.next_eoi_state(id);
        let patterns = if dfa.is_match_state(end) { 0..dfa.match_len(end) } else { 0..0 };
        let first = patterns.map(|place| dfa.match_pattern(end, place).as_usize()).min();
        let mut targets = Vec::with_capacity(256);
        for byte in 0..=u8::MAX {
            let next = dfa.next_state(id, byte);
            if dfa.is_dead_state(next) {
                targets.push(None);
                continue;
            }
            let fresh = order.len();
            let place = *places.entry(next).or_insert(fresh);
            if place == fresh {
                order.push(next);
            }
            targets.push(Some(place));
        }
        found.push(Found { label: first.map(&label), targets });
        if let Some(error) = too_large(order.len().checked_div(4).unwrap_or(0)) {
            return Err(error);
        }
    }
    minimal(&found)
}

/// Moore's refinement: states are apart if their labels are, or if some byte leads to states that are apart.
fn minimal(found: &[Found]) -> Result<Automaton, AutomatonError> {
    let useful = useful(found);
    let runs: Vec<Vec<Run>> = found.iter().map(|state| runs(state, &useful)).collect();
    let mut classes: Vec<usize> = number(found.iter().map(|state| state.label));
    loop {
        let before = count(&classes);
        classes = number(runs.iter().zip(&classes).map(|(runs, class)| (*class, by_class(runs, &classes))));
        if count(&classes) == before {
            break;
        }
    }
    let states = count(&classes);
    if let Some(error) = too_large(states) {
        return Err(error);
    }
    let mut out: Vec<Option<State>> = vec![None; states];
    for ((state, runs), class) in found.iter().zip(&runs).zip(&classes) {
        if let Some(slot @ None) = out.get_mut(*class) {
            let ranges = by_class(runs, &classes).into_iter().map(|(low, high, class)| Range {
                low,
                high,
                target: u16::try_from(class).unwrap_or(u16::MAX),
            });
            *slot = Some(State { label: state.label, ranges: ranges.collect() });
        }
    }
    let start = classes.first().copied().and_then(|class| u16::try_from(class).ok()).unwrap_or(0);
    Ok(Automaton { start, states: out.into_iter().flatten().collect() })
}

/// A run of bytes that lead to one state: least, greatest, place.
type Run = (u8, u8, usize);

/// Whether a label can be reached from each state; those from which none can are as good as no match.
fn useful(found: &[Found]) -> Vec<bool> {
    let mut sources: Vec<Vec<usize>> = vec![Vec::new(); found.len()];
    let mut reached: Vec<bool> = found.iter().map(|state| state.label.is_some()).collect();
    let mut open: Vec<usize> = (0..found.len()).filter(|place| reached.get(*place) == Some(&true)).collect();
    for (place, state) in found.iter().enumerate() {
        let mut targets: Vec<usize> = state.targets.iter().copied().flatten().collect();
        targets.sort_unstable();
        targets.dedup();
        for target in targets {
            if let Some(sources) = sources.get_mut(target) {
                sources.push(place);
            }
        }
    }
    while let Some(place) = open.pop() {
        for source in sources.get(place).into_iter().flatten() {
            if let Some(slot @ false) = reached.get_mut(*source) {
                *slot = true;
                open.push(*source);
            }
        }
    }
    reached
}

fn runs(state: &Found, useful: &[bool]) -> Vec<Run> {
    let target = |target: &Option<usize>| target.filter(|place| useful.get(*place) == Some(&true));
    let steps =
        (0..=u8::MAX).zip(&state.targets).filter_map(|(byte, to)| target(to).map(|to| (byte, byte, to)));
    joined(steps)
}

/// Runs in which neighbours that lead to the same place are one.
fn joined(steps: impl Iterator<Item = Run>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (low, high, target) in steps {
        match runs.last_mut() {
            Some((_, last, to)) if *to == target && last.checked_add(1) == Some(low) => *last = high,
            _ => runs.push((low, high, target)),
        }
    }
    runs
}

fn by_class(runs: &[Run], classes: &[usize]) -> Vec<Run> {
    joined(runs.iter().map(|(low, high, to)| (*low, *high, classes.get(*to).copied().unwrap_or(usize::MAX))))
}

/// Numbers what is alike alike, in order of appearance.
fn number<T: core::hash::Hash + Eq>(items: impl Iterator<Item = T>) -> Vec<usize> {
    let mut numbers = HashMap::new();
    items
        .map(|item| {
            let fresh = numbers.len();
            *numbers.entry(item).or_insert(fresh)
        })
        .collect()
}

fn count(classes: &[usize]) -> usize {
    classes.iter().max().map_or(0, |most| most.saturating_add(1))
}
