//! Conditions from text, as `ambit_bytecode::disasm` writes it. Instructions may also stand in one line,
//! between commas.

use ambit_bytecode::Opcode;
use ambit_bytecode::limits::MAX_LIST;
use ambit_bytecode::opcode::Operand;

/// A piece of code, and the most steps that it takes by `FORMAT.md`, if its sets have no members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assembled {
    pub bytes: Vec<u8>,
    pub steps: u32,
}

/// How many members a set has.
pub type Members<'m> = &'m dyn Fn(Operand, u16) -> usize;

/// Assembles a listing, or says what is wrong with which line.
pub fn assemble(text: &str) -> Result<Assembled, String> {
    assemble_with(text, &|_, _| 0)
}

/// As [`assemble`], with steps by the sets that there are.
pub fn assemble_with(text: &str, members: Members<'_>) -> Result<Assembled, String> {
    let without_comments = text.lines().map(|line| line.split(';').next().unwrap_or_default());
    let mut lines = without_comments.flat_map(|line| line.split(',')).map(str::trim);
    let assembled = piece(&mut lines, false, members)?;
    match lines.next() {
        None => Ok(assembled),
        Some(line) => Err(format!("`{line}` follows the end")),
    }
}

/// What a search of so many takes: the bits of their number.
fn search(count: usize) -> u32 {
    (0..u32::BITS).find(|bits| count >> bits == 0).unwrap()
}

/// What an instruction takes beyond one step, its body aside, by how many members its set has.
fn more_steps(opcode: Opcode, members: usize) -> u32 {
    match opcode {
        Opcode::InList => 1 + MAX_LIST,
        Opcode::All | Opcode::Exists => 1,
        Opcode::InSet => 2 + search(members),
        Opcode::InNetwork => u32::try_from(members).unwrap(),
        Opcode::CallerIn => search(members),
        Opcode::ChainHas => 17,
        Opcode::OriginIn => 17 * search(members),
        Opcode::UnderMission => 4,
        _ => 0,
    }
}

fn piece<'t>(
    lines: &mut impl Iterator<Item = &'t str>,
    body: bool,
    members: Members<'_>,
) -> Result<Assembled, String> {
    let mut out = Assembled::default();
    // Where the operand of an open jump lies, and its label.
    let mut jumps: Vec<(usize, &str)> = Vec::new();
    loop {
        let line = match lines.next() {
            Some("}") if body => break,
            None if !body => break,
            None => return Err("a body has no end".to_owned()),
            Some(line) => line,
        };
        let mut words = line.split_whitespace();
        let Some(word) = words.next() else { continue };
        if let Some(label) = word.strip_suffix(':') {
            for (operand_at, _) in jumps.extract_if(.., |(_, wanted)| *wanted == label) {
                let distance = u16::try_from(out.bytes.len() - operand_at - 2).map_err(|e| e.to_string())?;
                out.bytes[operand_at..operand_at + 2].copy_from_slice(&distance.to_le_bytes());
            }
            continue;
        }
        let opcode = Opcode::ALL.iter().find(|opcode| opcode.mnemonic() == word);
        let opcode = *opcode.ok_or_else(|| format!("`{word}` is no instruction"))?;
        out.bytes.push(opcode.byte());
        let mut of_set = 0;
        for operand in opcode.operands() {
            let word = words.next().ok_or_else(|| format!("`{line}` lacks an operand"))?;
            match operand {
                // Unlike a label, a number can say where no jump may lead.
                Operand::Skip if word.parse::<u16>().is_ok() => {
                    out.bytes.extend(word.parse::<u16>().unwrap().to_le_bytes());
                }
                Operand::Skip => {
                    jumps.push((out.bytes.len(), word));
                    out.bytes.extend([0; 2]);
                }
                Operand::Body if word == "{" => {
                    let body = piece(lines, true, members)?;
                    let length = u16::try_from(body.bytes.len()).map_err(|e| e.to_string())?;
                    out.bytes.extend(length.to_le_bytes());
                    out.bytes.extend(body.bytes);
                    out.steps += MAX_LIST * body.steps;
                }
                Operand::Body => return Err(format!("`{line}` lacks its body")),
                _ => {
                    let id = word.parse::<u16>().map_err(|e| format!("`{line}`: {e}"))?;
                    out.bytes.extend(id.to_le_bytes());
                    of_set = members(*operand, id);
                }
            }
        }
        out.steps += 1 + more_steps(opcode, of_set);
        if let Some(word) = words.next() {
            return Err(format!("`{line}` has `{word}` too many"));
        }
    }
    match jumps.first() {
        None => Ok(out),
        Some((_, label)) => Err(format!("there is no label `{label}` after its jump")),
    }
}
