//! Listings of the arrangement.

use core::fmt;

use super::{Alternative, Entry, Ir};

impl fmt::Display for Ir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "columns {}", self.column_count)?;
        for (service, columns) in self.slice.policy.services.iter().zip(&self.columns) {
            for (action, column) in service.actions.iter().zip(columns) {
                writeln!(f, "  {}/{} column {column}", service.name, action.name)?;
            }
        }
        let agents = self.slice.policy.agents.iter().map(|agent| &agent.name).zip(&self.agents);
        let missions = self.slice.policy.missions.iter().map(|mission| &mission.name).zip(&self.missions);
        for (name, holding) in agents.chain(missions) {
            match holding.row {
                Some(row) => writeln!(f, "{name} row {row} rules from {}", holding.first_rule)?,
                None => writeln!(f, "{name} nothing")?,
            }
        }
        for (place, row) in self.rows.iter().enumerate() {
            write!(f, "row {place} grants")?;
            entries(f, &row.grants)?;
            write!(f, " denies")?;
            entries(f, &row.denies)?;
            writeln!(f)?;
        }
        for (place, arm) in self.arms.iter().enumerate() {
            writeln!(f, "arm {place}")?;
            for Alternative { rule, condition, reach } in &arm.alternatives {
                let rule = rule.map_or("its own".to_owned(), |rule| format!("+{rule}"));
                writeln!(f, "  rule {rule} condition {} reach {}", Place(*condition), Place(*reach))?;
            }
        }
        for (place, condition) in self.conditions.iter().enumerate() {
            writeln!(f, "condition {place} {condition:?}")?;
        }
        for (place, reach) in self.reaches.iter().enumerate() {
            writeln!(f, "reach {place} {reach:?}")?;
        }
        Ok(())
    }
}

/// A place, or none.
struct Place(Option<usize>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(place) => write!(f, "{place}"),
            None => f.write_str("-"),
        }
    }
}

fn entries(f: &mut fmt::Formatter<'_>, entries: &[Entry]) -> fmt::Result {
    for Entry { column, arm } in entries {
        write!(f, " {column}")?;
        if let Some(arm) = arm {
            write!(f, ":{arm}")?;
        }
    }
    Ok(())
}
