//! From a slice to its arrangement.

use std::collections::{BTreeMap, HashMap};

use crate::compile::{CompileError, CompileErrorKind};
use crate::model::{Policy, Rule, RuleId, Through};
use crate::slice::Slice;

use super::expression::set_of;
use super::{Alternative, Arm, Effect, Entry, Expression, Holding, Ir, Owner, Pool, Reach, Row, RuleOrigin};

/// The most columns, and so the most entries of one side of a row.
const MAX_COLUMNS: usize = 0x7fff;

/// Arranges a slice.
///
/// # Errors
/// [`CompileError`] if there are more distinct things of a kind than the format can number.
pub fn build(slice: &Slice) -> Result<Ir, CompileError> {
    let (columns, column_count) = columns(&slice.policy)?;
    let rule_columns = rule_columns(&slice.policy, &columns);
    let mut builder = Builder { slice, rule_columns, ..Builder::new(slice) };
    let agents = slice.policy.agents.iter().zip(&slice.agents);
    let agents = agents
        .map(|(agent, id)| builder.holding(&agent.grants, &agent.denies, Owner::Agent(*id)))
        .collect::<Result<_, _>>()?;
    let missions = slice.policy.missions.iter().zip(&slice.missions);
    let missions = missions
        .map(|(mission, id)| builder.holding(&mission.grants, &mission.denies, Owner::Mission(*id)))
        .collect::<Result<_, _>>()?;
    Ok(Ir {
        slice: slice.clone(),
        columns,
        column_count,
        agents,
        missions,
        rows: builder.rows.into_items(),
        arms: builder.arms.into_items(),
        conditions: builder.conditions.into_items(),
        reaches: builder.reaches.into_items(),
        rules: builder.rules,
    })
}

/// Actions share a column if the same rules cover them.
fn columns(policy: &Policy) -> Result<(Vec<Vec<u16>>, u16), CompileError> {
    let mut covering: HashMap<(u32, u32), Vec<u32>> = HashMap::new();
    for (id, rule) in (0..).zip(&policy.rules) {
        for action in &rule.actions {
            covering.entry((action.service.0, action.index)).or_default().push(id);
        }
    }
    let mut distinct = Pool::default();
    let mut columns = Vec::new();
    for (service, found) in (0..).zip(&policy.services) {
        let mut of_service = Vec::new();
        for (index, action) in (0..).zip(&found.actions) {
            let place = distinct.place(covering.remove(&(service, index)).unwrap_or_default());
            let column = u16::try_from(place).ok().filter(|_| place < MAX_COLUMNS);
            of_service
                .push(column.ok_or(CompileError::new(CompileErrorKind::TooManyActions, Some(action.span)))?);
        }
        columns.push(of_service);
    }
    let count = u16::try_from(distinct.items().len()).unwrap_or(u16::MAX);
    Ok((columns, count))
}

/// The columns that each rule covers, ascending.
fn rule_columns(policy: &Policy, columns: &[Vec<u16>]) -> Vec<Vec<u16>> {
    let column = |service: u32, index: u32| {
        columns.get(usize::try_from(service).ok()?)?.get(usize::try_from(index).ok()?).copied()
    };
    let of_rule = |rule: &Rule| {
        let mut covered: Vec<u16> =
            rule.actions.iter().filter_map(|action| column(action.service.0, action.index)).collect();
        covered.sort_unstable();
        covered.dedup();
        covered
    };
    policy.rules.iter().map(of_rule).collect()
}

struct Builder<'a> {
    slice: &'a Slice,
    rule_columns: Vec<Vec<u16>>,
    rows: Pool<Row>,
    arms: Pool<Arm>,
    conditions: Pool<Expression>,
    reaches: Pool<Reach>,
    rules: Vec<RuleOrigin>,
    /// The condition of each rule, once it is known.
    of_rules: HashMap<RuleId, Option<usize>>,
}

impl<'a> Builder<'a> {
    fn new(slice: &'a Slice) -> Self {
        Self {
            slice,
            rule_columns: Vec::new(),
            rows: Pool::default(),
            arms: Pool::default(),
            conditions: Pool::default(),
            reaches: Pool::default(),
            rules: Vec::new(),
            of_rules: HashMap::new(),
        }
    }

    /// What an owner of these rules holds.
    fn holding(
        &mut self,
        grants: &[RuleId],
        denies: &[RuleId],
        owner: Owner,
    ) -> Result<Holding, CompileError> {
        let first_rule = u32::try_from(self.rules.len()).unwrap_or(u32::MAX);
        let mut numbers = Numbers { owner, origins: &self.slice.rules, rules: Vec::new() };
        let grants = self.by_column(grants);
        let denies = self.by_column(denies);
        // One number for each entry, grants first; then numbers for the further alternatives of arms.
        for (effect, columns) in [(Effect::Grant, &grants), (Effect::Deny, &denies)] {
            for (column, rules) in columns {
                if let Some(first) = rules.first() {
                    numbers.next(*first, effect, *column);
                }
            }
        }
        let mut row = Row::default();
        for (effect, columns) in [(Effect::Grant, grants), (Effect::Deny, denies)] {
            for (column, rules) in columns {
                let arm = self.arm(&rules, effect, column, &mut numbers)?;
                let side = if effect == Effect::Grant { &mut row.grants } else { &mut row.denies };
                side.push(Entry { column, arm });
            }
        }
        self.rules.extend(numbers.rules);
        let row = if row == Row::default() { None } else { Some(self.rows.place(row)) };
        Ok(Holding { row, first_rule })
    }

    /// The rules for each column, in source order.
    fn by_column(&self, rules: &[RuleId]) -> BTreeMap<u16, Vec<RuleId>> {
        let mut rules = rules.to_vec();
        rules.sort_unstable();
        rules.dedup();
        let mut columns: BTreeMap<u16, Vec<RuleId>> = BTreeMap::new();
        for rule in rules {
            let covered = usize::try_from(rule.0).ok().and_then(|place| self.rule_columns.get(place));
            for column in covered.into_iter().flatten() {
                columns.entry(*column).or_default().push(rule);
            }
        }
        columns
    }

    /// The arm of `rules`, the first of which has the number of their entry; `None` if it is plain.
    fn arm(
        &mut self,
        rules: &[RuleId],
        effect: Effect,
        column: u16,
        numbers: &mut Numbers<'_>,
    ) -> Result<Option<usize>, CompileError> {
        let mut alternatives: Vec<Alternative> = Vec::new();
        // A deny matches wherever its owner is, and a mission is nowhere in particular.
        let reach_counts = effect == Effect::Grant && matches!(numbers.owner, Owner::Agent(_));
        for id in rules {
            let Some(rule) = usize::try_from(id.0).ok().and_then(|id| self.slice.policy.rules.get(id)) else {
                continue;
            };
            let condition = self.condition(*id, rule)?;
            let reach = if reach_counts { self.reach(rule) } else { None };
            let always = condition.is_none() && reach.is_none();
            if always && alternatives.is_empty() {
                return Ok(None);
            }
            let rule = if alternatives.is_empty() { None } else { Some(numbers.next(*id, effect, column)) };
            alternatives.push(Alternative { rule, condition, reach });
            if always {
                // Whatever comes later is never looked at.
                break;
            }
        }
        let place = self.arms.place(Arm { alternatives });
        Ok(Some(place))
    }

    fn condition(&mut self, id: RuleId, rule: &Rule) -> Result<Option<usize>, CompileError> {
        let Some(when) = &rule.when else { return Ok(None) };
        if let Some(known) = self.of_rules.get(&id) {
            return Ok(*known);
        }
        let misplaced = CompileError::new(CompileErrorKind::ElementOutsideQuantifier, Some(rule.span));
        let place = self.conditions.place(Expression::from_condition(when).ok_or(misplaced)?);
        self.of_rules.insert(id, Some(place));
        Ok(Some(place))
    }

    fn reach(&mut self, rule: &Rule) -> Option<usize> {
        let through = match &rule.reach.through {
            Through::Nobody => Some(Vec::new()),
            Through::Anyone if rule.reach.direct => return None,
            Through::Anyone => None,
            Through::Agents(agents) => Some(set_of(agents)),
        };
        Some(self.reaches.place(Reach { direct: rule.reach.direct, through }))
    }
}

/// What an owner's numbers stand for, less its first number.
struct Numbers<'a> {
    owner: Owner,
    /// Which rule of the whole policy each rule of the slice is.
    origins: &'a [RuleId],
    rules: Vec<RuleOrigin>,
}

impl Numbers<'_> {
    fn next(&mut self, rule: RuleId, effect: Effect, column: u16) -> u32 {
        let number = u32::try_from(self.rules.len()).unwrap_or(u32::MAX);
        let rule =
            usize::try_from(rule.0).ok().and_then(|place| self.origins.get(place)).copied().unwrap_or(rule);
        self.rules.push(RuleOrigin { rule, owner: self.owner, effect, column });
        number
    }
}
