//! `FORMAT.md` says what the code does: its tables are generated from the tables of the crate.
//! `BLESS=1 cargo test -p ambit-bytecode` rewrites them for review.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "tests may panic"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use ambit_bytecode::blob::Section;
use ambit_bytecode::opcode::{Kind, Operand};
use ambit_bytecode::{Code, Opcode, Source};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("FORMAT.md")
}

fn opcodes() -> String {
    let mut table =
        String::from("| byte | name | operands | stack | meaning |\n| --- | --- | --- | --- | --- |\n");
    for opcode in Opcode::ALL {
        let operands: Vec<_> = opcode.operands().iter().map(|operand| operand_word(*operand)).collect();
        let kinds = |kinds: &[Kind]| kinds.iter().map(|kind| kind_word(*kind)).collect::<Vec<_>>().join(" ");
        let (takes, leaves) = (kinds(opcode.stack().takes), kinds(opcode.stack().leaves));
        writeln!(
            table,
            "| `{:02x}` | `{}` | {} | {takes} → {leaves} | {} |",
            opcode.byte(),
            opcode.mnemonic(),
            operands.join(", "),
            opcode.meaning()
        )
        .unwrap();
    }
    table
}

fn operand_word(operand: Operand) -> &'static str {
    match operand {
        Operand::Field => "field",
        Operand::ElementField => "field in the list",
        Operand::List => "list field",
        Operand::Literal => "literal",
        Operand::LiteralSet => "set of literals",
        Operand::Networks => "set of networks",
        Operand::Automaton => "automaton",
        Operand::Agents => "set of agents",
        Operand::Agent => "agent",
        Operand::Mission => "mission",
        Operand::Skip => "bytes to skip",
        Operand::Body => "bytes of body",
    }
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Truth => "truth",
        Kind::Value => "value",
    }
}

fn sources() -> String {
    let mut table = String::from("| number | name | meaning |\n| --- | --- | --- |\n");
    for source in Source::ALL {
        writeln!(table, "| {} | `{}` | {} |", source.number(), source.word(), source.meaning()).unwrap();
    }
    table
}

fn codes() -> String {
    let mut table = String::from("| number | code | what the caller is told |\n| --- | --- | --- |\n");
    for code in Code::ALL {
        writeln!(table, "| {} | `{}` | {} |", code.number(), code.word(), code.sentence()).unwrap();
    }
    table
}

/// The document with what stands between a marker and the next heading replaced by its table.
fn rendered(document: &str) -> String {
    let mut out = document.to_owned();
    for (name, table) in [("opcodes", opcodes()), ("sources", sources()), ("codes", codes())] {
        let marker = format!("<!-- {name} -->\n");
        let start = out.find(&marker).expect("FORMAT.md has the marker") + marker.len();
        let end = out[start..].find("\n#").map_or(out.len(), |at| start + at);
        out.replace_range(start..end, &format!("\n{table}"));
    }
    out
}

#[test]
fn tables_are_those_of_the_code() {
    let document = std::fs::read_to_string(path()).unwrap();
    let wanted = rendered(&document);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path(), &wanted).unwrap();
    } else {
        assert!(document == wanted, "FORMAT.md is not what the code says: BLESS=1 rewrites its tables");
    }
}

#[test]
fn every_section_is_specified() {
    let document = std::fs::read_to_string(path()).unwrap();
    for section in Section::REQUIRED {
        let heading = format!("### {} {}\n", section.number(), section.word());
        assert!(document.contains(&heading), "FORMAT.md has no section `{heading}`");
    }
}

#[test]
fn numbers_and_words_are_unique_and_round_trip() {
    let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.number()).collect();
    let words: BTreeSet<_> = Code::ALL.iter().map(|code| code.word()).collect();
    assert_eq!((codes.len(), words.len()), (Code::ALL.len(), Code::ALL.len()));
    for number in 0..=u8::MAX {
        assert_eq!(Code::from_number(number).map(Code::number), codes.get(&number).copied());
        assert_eq!(Opcode::from_byte(number).map(Opcode::byte), Some(number).filter(|n| known_opcode(*n)));
        assert_eq!(
            Source::from_number(number).map(Source::number),
            Some(number).filter(|n| known_source(*n))
        );
    }
    assert_eq!(Code::from_number(0), None, "zero is deliberately no code");
}

fn known_opcode(byte: u8) -> bool {
    Opcode::ALL.iter().any(|opcode| opcode.byte() == byte)
}

fn known_source(number: u8) -> bool {
    Source::ALL.iter().any(|source| source.number() == number)
}
