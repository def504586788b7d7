//! Plays a scenario to its end and reports all that is not as it says.

use std::fmt::Write as _;

use ambit_bytecode::Code;

use super::{Configs, Departure, Expected, Scenario, Seen, Start};
use crate::runner::Counters;
use crate::scenario::Ending;

/// Plays `scenario`. Every departure is played, whatever became of those before.
///
/// # Errors
///
/// A report for people: each departure that ended otherwise, and the log of it.
pub fn play(scenario: &Scenario, start: Start) -> Result<(), String> {
    let configs = Configs::of(&scenario.policy, &scenario.workload, &scenario.internal)?;
    let mut runner = start(scenario, &configs).map_err(|error| format!("it does not start: {error}"))?;
    let mut report = String::new();
    let mut expected = Counters::new();
    for departure in &scenario.departures {
        if departure.not.iter().any(|name| name == runner.name()) {
            continue;
        }
        count(departure, &mut expected);
        let (faults, log) = match runner.depart(departure) {
            Ok(seen) => (faults(departure, &seen), seen.log),
            Err(error) => (vec![format!("{} cannot play it: {error}", runner.name())], Vec::new()),
        };
        if !faults.is_empty() {
            let place = scenario.path.file_name().unwrap_or_default().to_string_lossy();
            let log: String = log.iter().fold(String::new(), |text, line| text + "\n    log: " + line);
            let faults = faults.join("\n    ");
            // Writing to a string does not fail.
            let _ = writeln!(report, "{place}:{}: {}\n    {faults}{log}", departure.line, departure.name);
        }
    }
    // Where a departure ended otherwise, so do the counters. What was merged for a call is counted beside its verdict.
    if report.is_empty()
        && let Some(mut found) = runner.counters(&expected).map_err(|error| error.to_string())?
    {
        found.remove("ambit.lineage.lost");
        if found != expected {
            let _ = writeln!(report, "the counters are {found:?}, not {expected:?}");
        }
    }
    if report.is_empty() { Ok(()) } else { Err(report) }
}

fn count(departure: &Departure, counters: &mut Counters) {
    let mut add = |name: String| *counters.entry(name).or_default() += 1;
    // Requests that are served meanwhile are judged, too.
    departure.live.iter().for_each(|_| add("ambit.allow".to_owned()));
    match &departure.expected {
        Expected::Stays | Expected::Ends(Ending::Proxy(_)) => {}
        Expected::Ends(Ending::Allow) => add("ambit.allow".to_owned()),
        Expected::Ends(Ending::Deny { code, .. }) => add(format!("ambit.deny.{}", code.word())),
        Expected::Ends(Ending::Shadow { code, .. }) => {
            add(format!("ambit.deny.{}", code.word()));
            add("ambit.shadow".to_owned());
        }
    }
}

/// What is not as the departure says.
pub(crate) fn faults(departure: &Departure, seen: &Seen) -> Vec<String> {
    let mut faults = Vec::new();
    let (passes, judged) = match &departure.expected {
        Expected::Stays => (true, None),
        Expected::Ends(Ending::Allow) => (true, Some((Code::Allowed, None))),
        Expected::Ends(Ending::Shadow { code, hop }) => (true, Some((*code, *hop))),
        Expected::Ends(Ending::Deny { code, hop, .. }) => (false, Some((*code, *hop))),
        Expected::Ends(Ending::Proxy(_)) => (false, None),
    };
    if seen.passed != passes {
        faults.push(if passes { "it does not go on".to_owned() } else { "it goes on".to_owned() });
    }
    match (judged, &seen.judged) {
        // An allow leaves no trace but a count.
        (None | Some((Code::Allowed, _)), None) => {}
        (None, Some(found)) => faults.push(format!("it is judged: {found:?}")),
        (Some((code, _)), None) => faults.push(format!("there is no verdict, not `{}`", code.word())),
        (Some((code, hop)), Some(found)) => {
            if found.code != code.word() || hop.is_some_and(|hop| hop != found.hop) {
                faults.push(format!("the verdict is `{} {}`", found.code, found.hop));
            }
        }
    }
    if let (Some(expected), Some(found)) = (&departure.reaches, &seen.reached)
        && expected != found
    {
        faults.push(format!("it reaches {found}, not {expected}"));
    }
    let status = match &departure.expected {
        Expected::Stays | Expected::Ends(Ending::Allow | Ending::Shadow { .. }) => 200,
        Expected::Ends(Ending::Deny { .. }) => 403,
        Expected::Ends(Ending::Proxy(status)) => *status,
    };
    if let Some(found) = seen.status
        && found != status
    {
        faults.push(format!("the status is {found}, not {status}"));
    }
    let said = |word: &&String| !seen.log.iter().any(|line| line.contains(word.as_str()));
    if seen.judged.is_some() && !seen.log.is_empty() {
        faults
            .extend(departure.log.iter().filter(said).map(|word| format!("no line of the log has `{word}`")));
    }
    faults
}
