//! What numbers in requests and conditions stand for.

use ambit_bytecode::disasm::disassemble;
use ambit_bytecode::opcode::Operand;
use ambit_eval::{Program, Value};

pub fn of(program: &Program<Vec<u8>>) -> String {
    let mut text = String::new();
    let header = program.header();
    let (namespace, account) = program.workload();
    text.push_str(&format!("workload {}/{}\n", shown(namespace), shown(account)));
    text.push_str(&format!(
        "generation {}, not before {}, not after {}, at most {} steps\n",
        header.generation, header.not_before, header.not_after, header.step_bound
    ));
    for agent in 0..u16::try_from(program.agents()).unwrap() {
        text.push_str(&format!("agent {agent} {}\n", shown(program.agent_name(agent).unwrap())));
    }
    for mission in 0..u16::try_from(program.missions()).unwrap() {
        text.push_str(&format!("mission {mission} {}\n", shown(program.mission_name(mission).unwrap())));
    }
    for (action, described) in program.actions().enumerate() {
        text.push_str(&format!("action {action} {}/{}\n", shown(described.service), shown(described.name)));
    }
    for id in 0..program.fields() {
        text.push_str(&format!("field {id} {}\n", field(program, id)));
    }
    for id in 0..program.listings() {
        let listing = program.listing(id).unwrap();
        let fields =
            |set| program.set_members(set).map(|id| field(program, id)).collect::<Vec<_>>().join(", ");
        text.push_str(&format!(
            "listing {id} of action {}: objects {}; arguments {}\n",
            listing.action,
            fields(listing.objects),
            fields(listing.arguments)
        ));
    }
    for condition in 0..program.conditions() {
        let code = code(program, condition);
        let listing = disassemble(&code, &mut |operand, id| match operand {
            Operand::Field | Operand::ElementField | Operand::List => Some(field(program, id)),
            Operand::Literal => program.literal(id).map(|literal| value(&literal)),
            Operand::LiteralSet => {
                let members: Vec<_> = program.literal_set(id).map(|literal| value(&literal)).collect();
                Some(members.join(", "))
            }
            Operand::Agent => program.agent_name(id).map(shown),
            Operand::Mission => program.mission_name(id).map(shown),
            _ => None,
        });
        text.push_str(&format!(
            "\ncondition {condition}, at most {} steps\n",
            program.condition_steps(condition).unwrap()
        ));
        text.push_str(&listing.unwrap());
    }
    text
}

/// The bytes of a condition, from its instructions.
fn code(program: &Program<Vec<u8>>, condition: u16) -> Vec<u8> {
    let mut code = Vec::new();
    for instruction in program.instructions(condition) {
        code.push(instruction.opcode.byte());
        let operands = instruction.operands.iter().take(instruction.opcode.operands().len());
        code.extend(operands.flat_map(|operand| operand.to_le_bytes()));
    }
    code
}

fn field(program: &Program<Vec<u8>>, id: u16) -> String {
    let described = program.field(id).unwrap();
    let mut text = described.source.word().to_owned();
    if let Some(list) = described.list {
        text = format!("element of {list}");
    }
    if !described.name.is_empty() {
        text.push_str(&format!(" {}", shown(described.name)));
    }
    if described.source.word() == "path-segment" {
        text.push_str(&format!(" {}", described.number));
    }
    for place in 0..described.keys {
        let separator = if place == 0 { ' ' } else { '.' };
        text.push_str(&format!("{separator}{}", shown(program.field_key(id, place).unwrap())));
    }
    text
}

fn value(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) if number.exponent == 0 => number.coefficient.to_string(),
        Value::Number(number) => format!("{}e{}", number.coefficient, number.exponent),
        Value::Text(text) => format!("\"{}\"", shown(text)),
        other => panic!("a literal is not {other:?}"),
    }
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
