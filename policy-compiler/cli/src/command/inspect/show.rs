//! A listing as people read it.

use core::fmt;

use super::listing::{Action, Agent, Condition, Listing, Mesh, Mission, Rule};

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "workload    {}", self.workload)?;
        writeln!(f, "blob        {} bytes, version {}", self.bytes, self.version)?;
        writeln!(f, "generation  {}", self.generation)?;
        match (&self.not_before, &self.not_after) {
            (None, None) => writeln!(f, "valid       always")?,
            (Some(from), None) => writeln!(f, "valid       from {from} on")?,
            (None, Some(until)) => writeln!(f, "valid       until {until}")?,
            (Some(from), Some(until)) => writeln!(f, "valid       from {from} until {until}")?,
        }
        writeln!(f, "signed by   {}", self.signed_by.as_deref().unwrap_or("nobody"))?;
        writeln!(f, "source      sha-256 {}", self.source_digest)?;
        writeln!(f, "steps       at most {}", self.step_bound)?;
        let Mesh { trust_domains, max_depth, cycles, mode, require_stamp } = &self.mesh;
        writeln!(f, "mesh        {mode}, trust domains {}", trust_domains.join(", "))?;
        writeln!(f, "            depth at most {max_depth}, cycles: {cycles}")?;
        if *require_stamp {
            writeln!(f, "            stamping workloads must stamp")?;
        }
        writeln!(f, "\nsections")?;
        for section in &self.sections {
            writeln!(f, "  {:<12} {:>8} bytes at {}", section.name, section.bytes, section.offset)?;
        }
        heading(f, "actions", self.actions.is_empty())?;
        self.actions.iter().try_for_each(|action| action_lines(f, action))?;
        heading(f, "patterns", self.patterns.is_empty())?;
        for pattern in &self.patterns {
            writeln!(
                f,
                "  {}: automaton of {} states, {} ranges",
                pattern.of, pattern.states, pattern.ranges
            )?;
        }
        heading(f, "agents", self.agents.is_empty())?;
        self.agents.iter().try_for_each(|agent| agent_lines(f, agent))?;
        heading(f, "missions", self.missions.is_empty())?;
        self.missions.iter().try_for_each(|mission| mission_lines(f, mission))?;
        heading(f, "fields", self.fields.is_empty())?;
        for (number, field) in self.fields.iter().enumerate() {
            writeln!(f, "  {number} {field}")?;
        }
        heading(f, "conditions", self.conditions.is_empty())?;
        self.conditions
            .iter()
            .enumerate()
            .try_for_each(|(number, condition)| condition_lines(f, number, condition))
    }
}

fn heading(f: &mut fmt::Formatter<'_>, name: &str, empty: bool) -> fmt::Result {
    if empty { Ok(()) } else { writeln!(f, "\n{name}") }
}

fn action_lines(f: &mut fmt::Formatter<'_>, action: &Action) -> fmt::Result {
    write!(f, "  {} {}, column {}", action.name, action.protocol, action.column)?;
    if !action.effects.is_empty() {
        write!(f, ", effects {}", action.effects.join(", "))?;
    }
    writeln!(f, "{}", action.mode.map(|mode| format!(", {mode}")).unwrap_or_default())?;
    if let Some(arguments) = &action.arguments {
        writeln!(f, "    arguments {}", listed(arguments))?;
    }
    action.keys.iter().try_for_each(|key| writeln!(f, "    {key}"))
}

fn agent_lines(f: &mut fmt::Formatter<'_>, agent: &Agent) -> fmt::Result {
    let flags = [
        (agent.revoked, "revoked"),
        (agent.originates, "originates"),
        (agent.stamping, "stamps"),
        (agent.mission_required, "needs a mission"),
    ];
    let mut said: Vec<String> =
        flags.into_iter().filter(|(set, _)| *set).map(|(_, word)| word.to_owned()).collect();
    said.extend(agent.mode.map(str::to_owned));
    let colon = if said.is_empty() { "" } else { ": " };
    writeln!(f, "  {}{colon}{}", agent.name, said.join(", "))?;
    agent.identities.iter().try_for_each(|identity| writeln!(f, "    is {identity}"))?;
    match &agent.delegates_to {
        None => writeln!(f, "    delegates to anyone")?,
        Some(to) if to.is_empty() => {}
        Some(to) => writeln!(f, "    delegates to {}", to.join(", "))?,
    }
    if let Some(depth) = agent.max_depth {
        writeln!(f, "    at most {depth} may follow")?;
    }
    if let Some(missions) = &agent.missions {
        writeln!(f, "    missions {}", listed(missions))?;
    }
    ceiling_line(f, agent.ceiling.as_ref())?;
    agent.rules.iter().try_for_each(|rule| rule_lines(f, rule))
}

fn mission_lines(f: &mut fmt::Formatter<'_>, mission: &Mission) -> fmt::Result {
    let end = mission.not_after.as_ref().map(|end| format!(": until {end}")).unwrap_or_default();
    writeln!(f, "  {}{end}", mission.name)?;
    ceiling_line(f, mission.ceiling.as_ref())?;
    mission.rules.iter().try_for_each(|rule| rule_lines(f, rule))
}

fn ceiling_line(f: &mut fmt::Formatter<'_>, ceiling: Option<&Vec<String>>) -> fmt::Result {
    ceiling.map_or(Ok(()), |ceiling| writeln!(f, "    effects at most {}", listed(ceiling)))
}

fn rule_lines(f: &mut fmt::Formatter<'_>, rule: &Rule) -> fmt::Result {
    write!(f, "    {} {} {}", rule.effect, rule.number, rule.actions.join(", "))?;
    if let Some(condition) = rule.condition {
        write!(f, ", when condition {condition}")?;
    }
    if rule.effect == "grant" {
        match (&rule.through, rule.direct) {
            (None, true) => {}
            (None, false) => write!(f, ", only through others")?,
            (Some(through), true) if through.is_empty() => write!(f, ", only directly")?,
            (Some(through), true) => write!(f, ", directly or through {}", through.join(", "))?,
            (Some(through), false) => write!(f, ", only through {}", listed(through))?,
        }
    }
    writeln!(f, "{}", rule.place.as_ref().map(|place| format!("  ({place})")).unwrap_or_default())
}

fn condition_lines(f: &mut fmt::Formatter<'_>, number: usize, condition: &Condition) -> fmt::Result {
    writeln!(f, "  {number}: at most {} steps", condition.steps)?;
    for line in &condition.code {
        let names = line.names.as_ref().map(|names| format!("  ; {names}")).unwrap_or_default();
        writeln!(f, "    {:04} {}{names}", line.offset, line.instruction)?;
    }
    Ok(())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { String::from("none") } else { names.join(", ") }
}
