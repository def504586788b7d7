//! The mesh, and who holds what: agents, their profiles, missions, rows, arms and reaches.

use ambit_bytecode::encode::Sections;
use ambit_bytecode::limits::MAX_NARROW_IDS;
use ambit_bytecode::{NONE, NONE_OFFSET, Section};

use crate::compile::{CompileError, Options};
use crate::ir::{Entry, Holding, Pool, Row};
use crate::lower::Lowered;
use crate::model::{Agent, Cycles, Mode};

use super::pools::Pools;
use super::{index, write};

/// The bit of a row's count that says that arms follow.
const ARMS: u16 = 1 << 15;

/// Where each row lies.
pub(super) struct RowOffsets(Vec<u32>);

impl RowOffsets {
    fn of(&self, holding: Option<&Holding>) -> (u32, u32) {
        let offset = holding.and_then(|holding| self.0.get(holding.row?).copied());
        (offset.unwrap_or(NONE_OFFSET), holding.map_or(0, |holding| holding.first_rule))
    }
}

pub(super) fn mesh(
    lowered: &Lowered,
    options: &Options,
    pools: &mut Pools,
    out: &mut Vec<u8>,
) -> Result<(), CompileError> {
    let slice = &lowered.ir.slice;
    let mesh = &slice.policy.mesh;
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    out.push(mesh.max_depth);
    out.push(
        flag(mesh.cycles == Cycles::Refuse, 1)
            | flag(options.require_stamp, 2)
            | flag(mesh.mode == Mode::Shadow, 4),
    );
    write::u16(out, pools.string(&slice.workload.namespace)?);
    write::u16(out, pools.string(&slice.workload.service_account)?);
    write::count16(out, mesh.trust_domains.len(), "trust domains")?;
    for domain in &mesh.trust_domains {
        write::u16(out, pools.string(domain)?);
    }
    Ok(())
}

pub(super) fn rows(lowered: &Lowered, out: &mut Vec<u8>) -> Result<RowOffsets, CompileError> {
    let is_wide = |count: usize| count > usize::from(MAX_NARROW_IDS);
    let (wide_columns, wide_arms) = (is_wide(lowered.ir.column_count.into()), is_wide(lowered.ir.arms.len()));
    let id = |out: &mut Vec<u8>, id: u16, is_wide: bool| match u8::try_from(id) {
        Ok(id) if !is_wide => out.push(id),
        // Of two bytes, or none.
        _ if !is_wide => out.push(u8::MAX),
        _ => write::u16(out, id),
    };
    let mut offsets = Vec::new();
    for Row { grants, denies } in &lowered.ir.rows {
        offsets.push(write::wide(out.len(), "bytes of rows")?);
        for side in [grants, denies] {
            let arms = if side.iter().any(|entry| entry.arm.is_some()) { ARMS } else { 0 };
            write::u16(out, write::narrow(side.len(), "columns")? | arms);
        }
        for side in [grants, denies] {
            for Entry { column, .. } in side {
                id(out, *column, wide_columns);
            }
            if side.iter().any(|entry| entry.arm.is_some()) {
                for Entry { arm, .. } in side {
                    id(out, arm.map_or(Ok(NONE), |arm| write::narrow(arm, "arms"))?, wide_arms);
                }
            }
        }
    }
    Ok(RowOffsets(offsets))
}

pub(super) fn arms(lowered: &Lowered, out: &mut Vec<u8>) -> Result<(), CompileError> {
    let arms = &lowered.ir.arms;
    write::count32(out, arms.len(), "arms")?;
    write::firsts(out, arms.iter().map(|arm| arm.alternatives.len()))?;
    for alternative in arms.iter().flat_map(|arm| &arm.alternatives) {
        write::u32(out, alternative.rule.unwrap_or(0));
        write::u16(out, alternative.condition.map_or(Ok(NONE), |place| write::narrow(place, "conditions"))?);
        write::u16(out, alternative.reach.map_or(Ok(NONE), |place| write::narrow(place, "reaches"))?);
    }
    Ok(())
}

pub(super) fn reaches(lowered: &Lowered, pools: &mut Pools, out: &mut Vec<u8>) -> Result<(), CompileError> {
    write::count16(out, lowered.ir.reaches.len(), "reaches")?;
    write::u16(out, 0);
    for reach in &lowered.ir.reaches {
        let direct = u16::from(reach.direct);
        let anyone = if reach.through.is_none() { 2 } else { 0 };
        write::u16(out, direct | anyone);
        write::u16(out, pools.agents(reach.through.as_deref())?);
    }
    Ok(())
}

pub(super) fn agents(
    lowered: &Lowered,
    rows: &RowOffsets,
    pools: &mut Pools,
    sections: &mut Sections,
) -> Result<(), CompileError> {
    arms(lowered, sections.section(Section::Arms))?;
    reaches(lowered, pools, sections.section(Section::Reaches))?;
    let agents = &lowered.ir.slice.policy.agents;
    let mut profiles = Pool::default();
    let mut out = Vec::new();
    write::count16(&mut out, agents.len(), "agents")?;
    write::u16(&mut out, 0);
    for (place, agent) in agents.iter().enumerate() {
        let (row, first_rule) = rows.of(lowered.ir.agents.get(place));
        write::u16(&mut out, pools.string(&agent.name)?);
        write::u16(&mut out, write::narrow(profiles.place(profile(agent, pools)?), "profiles")?);
        write::u32(&mut out, row);
        write::u32(&mut out, first_rule);
    }
    sections.section(Section::Agents).extend(out);
    let out = sections.section(Section::Profiles);
    write::count16(out, profiles.items().len(), "profiles")?;
    write::u16(out, 0);
    out.extend(profiles.items().iter().flatten());
    Ok(())
}

/// What agents have in common, as its record.
fn profile(agent: &Agent, pools: &mut Pools) -> Result<[u8; 12], CompileError> {
    let flag = |set: bool, bit: u16| if set { bit } else { 0 };
    let flags = flag(agent.originates, 1)
        | flag(agent.stamping, 2)
        | flag(agent.revoked, 4)
        | flag(agent.mission_required, 8)
        | flag(agent.mode == Some(Mode::Shadow), 16)
        | flag(agent.mode == Some(Mode::Enforce), 32);
    let ceiling = agent.ceiling.map_or(Ok(NONE), |ceiling| pools.effect_set(ceiling))?;
    let delegates = pools.agents(agent.delegates.to.as_deref())?;
    let missions = pools
        .set(agent.missions.as_ref().map(|missions| missions.iter().map(|mission| mission.0).collect()))?;
    let [a, b] = flags.to_le_bytes();
    let [c, d] = ceiling.to_le_bytes();
    let [e, f] = delegates.to_le_bytes();
    let [g, h] = missions.to_le_bytes();
    Ok([a, b, c, d, e, f, g, h, agent.delegates.max_depth.unwrap_or(u8::MAX), 0, 0, 0])
}

pub(super) fn missions(
    lowered: &Lowered,
    rows: &RowOffsets,
    pools: &mut Pools,
    out: &mut Vec<u8>,
) -> Result<(), CompileError> {
    let missions = &lowered.ir.slice.policy.missions;
    let names: Vec<Vec<u8>> = missions.iter().map(|mission| mission.name.as_bytes().to_vec()).collect();
    write::narrow(missions.len(), "missions")?;
    index::write(out, &names, |place| u16::try_from(place).unwrap_or(NONE).to_le_bytes().to_vec())?;
    write::count16(out, missions.len(), "missions")?;
    write::u16(out, 0);
    for (place, mission) in missions.iter().enumerate() {
        let (row, first_rule) = rows.of(lowered.ir.missions.get(place));
        write::u16(out, pools.string(&mission.name)?);
        write::u16(out, mission.ceiling.map_or(Ok(NONE), |ceiling| pools.effect_set(ceiling))?);
        write::u32(out, row);
        write::u32(out, first_rule);
        // 0 is none; a mission that ended with the epoch ends a second later.
        out.extend(mission.not_after.map_or(0, |end| end.max(1)).to_le_bytes());
    }
    Ok(())
}
