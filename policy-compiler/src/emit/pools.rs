//! What several sections name by number: strings, sets, effect sets, automata; and what was lowered.

use ambit_bytecode::encode::Sections;
use ambit_bytecode::{NONE, Section};

use crate::automata::Automaton;
use crate::compile::CompileError;
use crate::ir::Pool;
use crate::lower::{Argument, Lowered};
use crate::model::{AgentId, EffectSet, Literal};

use super::write;

/// Pools while they grow. Those that instructions name begin as they were lowered.
pub(super) struct Pools {
    strings: Pool<String>,
    effect_sets: Pool<EffectSet>,
    sets: Pool<Vec<u16>>,
    automata: Pool<Automaton>,
}

impl Pools {
    pub(super) fn new(lowered: &Lowered) -> Self {
        let mut pools = Self {
            strings: Pool::default(),
            effect_sets: Pool::default(),
            sets: Pool::default(),
            automata: Pool::default(),
        };
        for set in &lowered.sets {
            pools.sets.place(set.clone());
        }
        for automaton in &lowered.automata {
            pools.automata.place(automaton.clone());
        }
        pools
    }

    pub(super) fn string(&mut self, text: &str) -> Result<u16, CompileError> {
        write::narrow(self.strings.place(text.to_owned()), "strings")
    }

    pub(super) fn effect_set(&mut self, set: EffectSet) -> Result<u16, CompileError> {
        write::narrow(self.effect_sets.place(set), "sets of effects")
    }

    pub(super) fn automaton(&mut self, automaton: Automaton) -> Result<u16, CompileError> {
        write::narrow(self.automata.place(automaton), "automata")
    }

    /// A set of agents or missions, or *none*.
    pub(super) fn set(&mut self, numbers: Option<Vec<u32>>) -> Result<u16, CompileError> {
        let Some(mut numbers) = numbers else { return Ok(NONE) };
        numbers.sort_unstable();
        numbers.dedup();
        let member = |number: u32| write::narrow(usize::try_from(number).unwrap_or(usize::MAX), "agents");
        let set = numbers.into_iter().map(member).collect::<Result<_, _>>()?;
        write::narrow(self.sets.place(set), "sets of agents")
    }

    pub(super) fn agents(&mut self, agents: Option<&[AgentId]>) -> Result<u16, CompileError> {
        self.set(agents.map(|agents| agents.iter().map(|agent| agent.0).collect()))
    }

    /// Writes the sections that nothing else adds to any more; strings are the last.
    pub(super) fn write(mut self, lowered: &Lowered, sections: &mut Sections) -> Result<(), CompileError> {
        self.effects(lowered, sections.section(Section::Effects))?;
        self.fields(lowered, sections.section(Section::Fields))?;
        self.literals(lowered, sections.section(Section::Literals))?;
        networks(lowered, sections.section(Section::Networks))?;
        code(lowered, sections.section(Section::Code))?;
        sets(self.sets.items(), sections.section(Section::Sets))?;
        automata(self.automata.items(), sections.section(Section::Automata))?;
        strings(self.strings.items(), sections.section(Section::Strings))
    }

    fn effects(&mut self, lowered: &Lowered, out: &mut Vec<u8>) -> Result<(), CompileError> {
        let labels = &lowered.ir.slice.policy.effects;
        write::count16(out, labels.len(), "effect labels")?;
        for label in labels {
            write::u16(out, self.string(label)?);
        }
        write::count16(out, self.effect_sets.items().len(), "sets of effects")?;
        for EffectSet(bits) in self.effect_sets.items() {
            out.extend(bits.to_le_bytes());
        }
        Ok(())
    }

    fn fields(&mut self, lowered: &Lowered, out: &mut Vec<u8>) -> Result<(), CompileError> {
        let key_count = lowered.fields.iter().map(|field| field.keys.len()).sum();
        write::count16(out, lowered.fields.len(), "fields")?;
        write::count16(out, key_count, "keys of fields")?;
        let mut first_key = 0_usize;
        for field in &lowered.fields {
            out.push(field.source.number());
            out.push(u8::try_from(field.keys.len()).unwrap_or(u8::MAX));
            write::u16(out, field.list.unwrap_or(NONE));
            write::u16(
                out,
                match &field.argument {
                    Argument::None => NONE,
                    Argument::Name(name) => self.string(name)?,
                    Argument::Number(number) => *number,
                },
            );
            write::count16(out, first_key, "keys of fields")?;
            first_key = first_key.saturating_add(field.keys.len());
        }
        for key in lowered.fields.iter().flat_map(|field| &field.keys) {
            write::u16(out, self.string(key)?);
        }
        Ok(())
    }

    fn literals(&mut self, lowered: &Lowered, out: &mut Vec<u8>) -> Result<(), CompileError> {
        write::count16(out, lowered.literals.len(), "constants")?;
        write::count16(out, lowered.literal_sets.len(), "sets of constants")?;
        for literal in &lowered.literals {
            let (tag, exponent, payload) = match literal {
                Literal::Null => (0, 0, 0),
                Literal::Bool(false) => (1, 0, 0),
                Literal::Bool(true) => (2, 0, 0),
                Literal::Number(number) => (3, number.exponent, number.coefficient),
                Literal::Text(text) => (4, 0, i64::from(self.string(text)?)),
            };
            out.extend([tag, 0]);
            out.extend(exponent.to_le_bytes());
            out.extend(payload.to_le_bytes());
        }
        write::firsts(out, lowered.literal_sets.iter().map(Vec::len))?;
        for member in lowered.literal_sets.iter().flatten() {
            write::u16(out, *member);
        }
        Ok(())
    }
}

fn networks(lowered: &Lowered, out: &mut Vec<u8>) -> Result<(), CompileError> {
    write::count32(out, lowered.networks.len(), "sets of networks")?;
    write::firsts(out, lowered.networks.iter().map(Vec::len))?;
    for range in lowered.networks.iter().flatten() {
        out.extend(range.address);
        out.push(range.prefix);
    }
    Ok(())
}

fn code(lowered: &Lowered, out: &mut Vec<u8>) -> Result<(), CompileError> {
    write::count16(out, lowered.conditions.len(), "conditions")?;
    write::u16(out, 0);
    let mut offset = 0_usize;
    for condition in &lowered.conditions {
        write::count32(out, offset, "bytes of code")?;
        write::count32(out, condition.bytes.len(), "bytes of code")?;
        write::u32(out, condition.steps);
        offset = offset.saturating_add(condition.bytes.len());
    }
    for condition in &lowered.conditions {
        out.extend(&condition.bytes);
    }
    Ok(())
}

fn sets(sets: &[Vec<u16>], out: &mut Vec<u8>) -> Result<(), CompileError> {
    write::count32(out, sets.len(), "sets")?;
    write::firsts(out, sets.iter().map(Vec::len))?;
    for member in sets.iter().flatten() {
        write::u16(out, *member);
    }
    Ok(())
}

fn automata(automata: &[Automaton], out: &mut Vec<u8>) -> Result<(), CompileError> {
    write::count16(out, automata.len(), "automata")?;
    write::u16(out, 0);
    let mut bodies = Vec::new();
    // Offsets count from the start of the section.
    let head = automata.len().saturating_mul(4).saturating_add(4);
    for automaton in automata {
        write::count32(out, head.saturating_add(bodies.len()), "bytes of automata")?;
        let range_count: usize = automaton.states.iter().map(|state| state.ranges.len()).sum();
        write::count16(&mut bodies, automaton.states.len(), "states of an automaton")?;
        write::u16(&mut bodies, automaton.start);
        write::count32(&mut bodies, range_count, "ranges of an automaton")?;
        let mut first = 0_usize;
        for state in &automaton.states {
            write::count32(&mut bodies, first, "ranges of an automaton")?;
            write::u16(&mut bodies, state.label.unwrap_or(NONE));
            first = first.saturating_add(state.ranges.len());
        }
        for range in automaton.states.iter().flat_map(|state| &state.ranges) {
            bodies.extend([range.low, range.high]);
            write::u16(&mut bodies, range.target);
        }
    }
    out.extend(bodies);
    Ok(())
}

fn strings(strings: &[String], out: &mut Vec<u8>) -> Result<(), CompileError> {
    write::count32(out, strings.len(), "strings")?;
    write::firsts(out, strings.iter().map(String::len))?;
    for string in strings {
        out.extend(string.as_bytes());
    }
    Ok(())
}
