//! From tables and instructions to the bytes of a blob. `FORMAT.md` says what each section holds.

mod actions;
mod holders;
mod identities;
mod index;
mod pools;
mod sign;
mod write;

pub use sign::SigningKey;

use ambit_bytecode::Section;
use ambit_bytecode::blob::Header;
use ambit_bytecode::encode::{Sections, TooLarge};
use ambit_bytecode::limits::MAX_BLOB_BYTES;

use crate::compile::{CompileError, CompileErrorKind, Compiled, Options};
use crate::ir::Ir;
use crate::lower::Lowered;
use crate::model::ActionId;

use pools::Pools;

/// Sizes and bounds of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The bytes of each section by name, in the order of the blob.
    pub sections: Vec<(&'static str, usize)>,
    /// All bytes, framing included.
    pub bytes: usize,
    /// No judgement takes more steps.
    pub step_bound: u32,
    /// Agents in the slice.
    pub agents: usize,
    /// Actions in the slice.
    pub actions: usize,
    /// Distinct conditions.
    pub conditions: usize,
}

/// Writes a blob.
///
/// # Errors
/// [`CompileError`] if there are more things of a kind than the format can number, or the blob is too large.
pub fn emit(lowered: &Lowered, options: &Options) -> Result<Compiled, CompileError> {
    let mut sections = Sections::default();
    fill(lowered, options, &mut sections)?;
    let header = Header {
        step_bound: lowered.step_bound,
        generation: options.generation,
        not_before: options.not_before,
        not_after: options.not_after,
        source_digest: options.source_digest,
    };
    let sizes: Vec<(&'static str, usize)> =
        Section::REQUIRED.iter().map(|section| (section.word(), sections.section(*section).len())).collect();
    let blob = match &options.signing_key {
        Some(key) => sections.frame_signed(&header, key.id(), |bytes| key.sign(bytes)),
        None => sections.frame(&header),
    };
    let blob = blob.map_err(|TooLarge { bytes }| {
        CompileError::new(CompileErrorKind::BlobTooLarge { bytes, most: MAX_BLOB_BYTES }, None)
    })?;
    let stats = Stats {
        sections: sizes,
        bytes: blob.len(),
        step_bound: lowered.step_bound,
        agents: lowered.ir.agents.len(),
        actions: lowered.ir.columns.iter().map(Vec::len).sum(),
        conditions: lowered.conditions.len(),
    };
    Ok(Compiled {
        blob,
        rules: lowered.ir.rules.clone(),
        columns: columns(&lowered.ir),
        agents: lowered.ir.slice.agents.clone(),
        stats,
    })
}

/// The actions of each column, by the whole policy's numbers.
fn columns(ir: &Ir) -> Vec<Vec<ActionId>> {
    let mut actions = vec![Vec::new(); usize::from(ir.column_count)];
    for (service, columns) in ir.slice.services.iter().zip(&ir.columns) {
        for (index, column) in (0..).zip(columns) {
            if let Some(of_column) = actions.get_mut(usize::from(*column)) {
                of_column.push(ActionId { service: *service, index });
            }
        }
    }
    actions
}

/// Everything but strings and pools is written as it comes; those are written last, once all is known.
fn fill(lowered: &Lowered, options: &Options, sections: &mut Sections) -> Result<(), CompileError> {
    let mut pools = Pools::new(lowered);
    holders::mesh(lowered, options, &mut pools, sections.section(Section::Mesh))?;
    let rows = holders::rows(lowered, sections.section(Section::Rows))?;
    holders::agents(lowered, &rows, &mut pools, sections)?;
    holders::missions(lowered, &rows, &mut pools, sections.section(Section::Missions))?;
    identities::identities(lowered, &mut pools, sections.section(Section::Identities))?;
    actions::actions(lowered, &mut pools, sections.section(Section::Actions))?;
    actions::selectors(lowered, &mut pools, sections.section(Section::Selectors))?;
    pools.write(lowered, sections)
}

#[cfg(test)]
mod tests;
