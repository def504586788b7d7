//! Disassembly of conditions.

use std::net::{IpAddr, Ipv6Addr};

use ambit_bytecode::Source;
use ambit_bytecode::opcode::Operand;
use ambit_eval::inspect::Instruction;
use ambit_eval::{Program, Value};
use serde::Serialize;

use super::listing::text;

/// The most members of a set that a line names.
const MAX_NAMED: usize = 6;

/// One instruction.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    /// Its offset within the condition, in bytes.
    pub(super) offset: u32,
    /// Its mnemonic and operands as they are in the blob; jumps by the offset they lead to.
    pub(super) instruction: String,
    /// What the operands name.
    pub(super) names: Option<String>,
}

/// The instructions of a condition.
pub(super) fn listing(program: &Program<&[u8]>, condition: u16) -> Vec<Line> {
    program.instructions(condition).map(|instruction| line(program, &instruction)).collect()
}

fn line(program: &Program<&[u8]>, instruction: &Instruction) -> Line {
    let mut shown = instruction.opcode.mnemonic().to_owned();
    let mut names = None;
    let length = u32::try_from(instruction.opcode.instruction_bytes()).unwrap_or(u32::MAX);
    let next = instruction.offset.saturating_add(length);
    for (operand, value) in instruction.opcode.operands().iter().zip(instruction.operands) {
        let written = match operand {
            Operand::Skip | Operand::Body => format!(" to {:04}", next.saturating_add(u32::from(value))),
            _ => format!(" {value}"),
        };
        shown.push_str(&written);
        names = names.or(name(program, *operand, value));
    }
    Line { offset: instruction.offset, instruction: shown, names }
}

fn name(program: &Program<&[u8]>, operand: Operand, value: u16) -> Option<String> {
    Some(match operand {
        Operand::Field | Operand::ElementField | Operand::List => field(program, value),
        Operand::Literal => literal(&program.literal(value)?),
        Operand::LiteralSet => set(program.literal_set(value).map(|member| literal(&member))),
        Operand::Networks => set(program.networks(value).map(|(address, prefix)| network(address, prefix))),
        Operand::Automaton => {
            let (states, ranges) = program.automaton_size(value)?;
            format!("automaton of {states} states, {ranges} ranges")
        }
        Operand::Agents => set(program.set_members(value).map(|member| agent(program, member))),
        Operand::Agent => agent(program, value),
        Operand::Mission => program.mission_name(value).map_or_else(|| value.to_string(), text),
        Operand::Skip | Operand::Body => return None,
    })
}

/// The name of an agent, or its number.
pub(super) fn agent(program: &Program<&[u8]>, agent: u16) -> String {
    program.agent_name(agent).map_or_else(|| agent.to_string(), text)
}

/// A field: its source, and what it takes from there.
pub(super) fn field(program: &Program<&[u8]>, number: u16) -> String {
    let Some(description) = program.field(number) else { return number.to_string() };
    let keys = |field: u16, count: u8| -> String {
        let keys = (0..count).filter_map(|place| program.field_key(field, place));
        keys.map(|key| format!(".{}", text(key))).collect()
    };
    let word = description.source.word();
    match description.source {
        Source::Header | Source::Query => format!("{word} {}", text(description.name)),
        Source::PathSegment => format!("{word} {}", description.number),
        Source::Body => {
            let own = keys(number, description.keys);
            match description.list.and_then(|list| Some((list, program.field(list)?))) {
                Some((list, outer)) => format!("{word}{}[]{own}", keys(list, outer.keys)),
                None => format!("{word}{own}"),
            }
        }
        _ => word.to_owned(),
    }
}

fn literal(value: &Value<'_>) -> String {
    match value {
        Value::Null => String::from("null"),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => decimal(number.coefficient, number.exponent),
        Value::Text(bytes) => format!("\"{}\"", text(bytes)),
        _ => String::from("?"),
    }
}

/// A number as people write it, unless that would be long.
fn decimal(coefficient: i64, exponent: i16) -> String {
    let sign = if coefficient < 0 { "-" } else { "" };
    let digits = coefficient.unsigned_abs().to_string();
    let places = usize::from(exponent.unsigned_abs());
    match exponent {
        0..=9 => format!("{sign}{digits}{}", "0".repeat(places)),
        -9..0 => {
            let padded = format!("{digits:0>width$}", width = places.saturating_add(1));
            let (whole, part) =
                padded.split_at_checked(padded.len().saturating_sub(places)).unwrap_or((&padded, ""));
            format!("{sign}{whole}.{part}")
        }
        _ => format!("{sign}{digits}e{exponent}"),
    }
}

fn network(address: [u8; 16], prefix: u8) -> String {
    match Ipv6Addr::from(address).to_canonical() {
        IpAddr::V4(address) if prefix >= 96 => format!("{address}/{}", prefix.saturating_sub(96)),
        _ => format!("{}/{prefix}", Ipv6Addr::from(address)),
    }
}

/// A few members, and how many more there are.
fn set(members: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = members.collect();
    let mut named: Vec<String> = all.iter().take(MAX_NAMED).cloned().collect();
    if let Some(more) = all.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        named.push(format!("{more} more"));
    }
    format!("[{}]", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn numbers_are_written_out() {
        for (coefficient, exponent, text) in [
            (0, 0, "0"),
            (-7, 0, "-7"),
            (505, -1, "50.5"),
            (5, -3, "0.005"),
            (-12, 3, "-12000"),
            (1, 10, "1e10"),
            (1, -10, "1e-10"),
            (i64::MIN, -1, "-922337203685477580.8"),
        ] {
            assert_eq!(decimal(coefficient, exponent), text);
        }
    }
}
