//! The last story: what an agent may call outside the mesh. It is the scenario `egress/exfiltration.yaml`, played by a
//! sidecar of its own with servers outside, and told.

use std::io::Write;

use super::paint::Tone;
use crate::egress::{self, Configs, Departure, Seen};

/// The scenario.
const NAME: &str = "exfiltration";

const TITLE: &str = "Outside: a support agent is talked into sending customer data away";

/// Plays it, and writes what happens to `out` as it happens. Returns what was not as expected.
pub(super) fn tell(out: &mut dyn Write, colours: bool) -> Result<Vec<String>, String> {
    let scenario = egress::load_all()?.into_iter().find(|scenario| scenario.name == NAME);
    let scenario = scenario.ok_or_else(|| format!("there is no scenario `{NAME}`"))?;
    let configs = Configs::of(&scenario.policy, &scenario.workload, &scenario.internal)?;
    let mut sidecar = egress::envoy::start(&scenario, &configs).map_err(|error| error.to_string())?;
    let mut say = |text: String| writeln!(out, "{text}").map_err(|error| error.to_string());
    say(format!("\n{}\n", Tone::Title.paint(TITLE, colours)))?;
    let mut surprises = Vec::new();
    for departure in &scenario.departures {
        let seen = sidecar.depart(departure).map_err(|error| format!("{}: {error}", departure.name))?;
        surprises.extend(
            egress::faults(departure, &seen).into_iter().map(|fault| format!("{}: {fault}", departure.name)),
        );
        say(line(departure, &seen, colours))?;
    }
    Ok(surprises)
}

fn line(departure: &Departure, seen: &Seen, colours: bool) -> String {
    let name = &departure.name;
    if seen.passed {
        let reached = seen.reached.as_deref().unwrap_or("someone");
        let passes = Tone::Plain.paint(&format!("reaches {reached}"), colours);
        return format!("  {name:<52} {passes}");
    }
    let code = seen.judged.as_ref().map_or("no verdict", |judged| judged.code.as_str());
    let denied = Tone::Good.paint(&format!("denied: {code}"), colours);
    format!("  {name:<52} {denied}")
}
