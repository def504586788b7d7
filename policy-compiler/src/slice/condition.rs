//! Conditions in a slice. No one that the slice leaves out is in a lineage that is judged by conditions, so that what
//! a condition asks of them is settled.

use crate::model::Condition;

use super::Renaming;

impl Renaming {
    pub(super) fn condition(&self, condition: &Condition) -> Condition {
        let all = |parts: &[Condition]| parts.iter().map(|part| self.condition(part)).collect();
        match condition {
            Condition::Not(inner) => Condition::Not(Box::new(self.condition(inner))),
            Condition::And(parts) => Condition::And(all(parts)),
            Condition::Or(parts) => Condition::Or(all(parts)),
            Condition::All { list, body } => {
                Condition::All { list: list.clone(), body: Box::new(self.condition(body)) }
            }
            Condition::Exists { list, body } => {
                Condition::Exists { list: list.clone(), body: Box::new(self.condition(body)) }
            }
            Condition::ChainHas(agent) => {
                self.agents.get(agent).map_or(Condition::Constant(false), |agent| Condition::ChainHas(*agent))
            }
            Condition::OriginIn(agents) => match self.some_agents(agents) {
                none if none.is_empty() => Condition::Constant(false),
                some => Condition::OriginIn(some),
            },
            Condition::CallerIn(agents) => match self.some_agents(agents) {
                none if none.is_empty() => Condition::Constant(false),
                some => Condition::CallerIn(some),
            },
            Condition::UnderMission(mission) => self
                .missions
                .get(mission)
                .map_or(Condition::Constant(false), |mission| Condition::UnderMission(*mission)),
            Condition::Constant(_)
            | Condition::Compare { .. }
            | Condition::In { .. }
            | Condition::InList { .. }
            | Condition::Truth(_)
            | Condition::Has(_)
            | Condition::Text { .. }
            | Condition::Matches { .. }
            | Condition::InNetwork { .. } => condition.clone(),
        }
    }
}
