//! Where everything lies in a blob. Made by `verify`, and only it.

use ambit_bytecode::cursor::{Cursor, index, slice_at};

use crate::automaton::Automaton;
use crate::facts::Protocol;
use crate::table::{Groups, Index, Table};

/// Mesh-wide settings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mesh {
    pub(crate) max_depth: u8,
    pub(crate) refuse_cycles: bool,
    pub(crate) require_stamp: bool,
    pub(crate) shadow: bool,
    pub(crate) namespace: u16,
    pub(crate) service_account: u16,
    pub(crate) trust_domains: Table<2>,
}

/// How a protocol's action keys are looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selector {
    pub(crate) exact: Index<4>,
    pub(crate) automaton: u16,
}

/// What a blob's version and counts say of how it is written: `FORMAT.md`, rows and arms.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Form {
    /// Rules of arms count from the owner's first; in version 1 from the start of the blob.
    pub(crate) relative_rules: bool,
    /// Columns in rows take two bytes.
    pub(crate) wide_columns: bool,
    /// Arms in rows take two bytes.
    pub(crate) wide_arms: bool,
}

impl Form {
    /// The number of a rule: of what is written in an arm, by the owner's first rule and the number of the entry itself.
    #[inline]
    pub(crate) const fn rule(self, first: u32, of_entry: u32, written: u32) -> u32 {
        match written {
            _ if !self.relative_rules => written,
            0 => of_entry,
            _ => first.wrapping_add(written),
        }
    }
}

/// Which modes the services have between them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Modes {
    /// Some say nothing.
    pub(crate) unsaid: bool,
    /// Some enforce.
    pub(crate) enforce: bool,
    /// Some are in shadow.
    pub(crate) shadow: bool,
}

/// Where everything lies. All offsets are from the start of the blob.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) form: Form,
    pub(crate) modes: Modes,
    /// No judgement takes more steps.
    pub(crate) step_bound: u32,
    pub(crate) string_starts: Table<4>,
    pub(crate) text: usize,
    pub(crate) mesh: Mesh,
    pub(crate) effect_labels: Table<2>,
    pub(crate) effect_sets: Table<8>,
    pub(crate) profiles: Table<12>,
    pub(crate) agents: Table<12>,
    pub(crate) exact_identities: Index<8>,
    pub(crate) namespaces: Index<4>,
    pub(crate) identity_patterns: u16,
    pub(crate) mission_names: Index<2>,
    pub(crate) missions: Table<20>,
    pub(crate) services: Table<4>,
    pub(crate) actions: Table<8>,
    pub(crate) listings: Table<6>,
    pub(crate) columns: u16,
    pub(crate) selectors: [Option<Selector>; Protocol::COUNT],
    /// Bytes, by the place of the protocol; 0 is none.
    pub(crate) body_limits: [u32; Protocol::COUNT],
    pub(crate) rows: Table<1>,
    pub(crate) arms: Groups<8>,
    pub(crate) reaches: Table<4>,
    pub(crate) sets: Groups<2>,
    pub(crate) fields: Table<8>,
    pub(crate) keys: Table<2>,
    pub(crate) literals: Table<12>,
    pub(crate) literal_sets: Groups<2>,
    pub(crate) networks: Groups<17>,
    pub(crate) automata: Table<4>,
    /// Offset of the automata section, from which automata are named.
    pub(crate) automata_start: usize,
    pub(crate) conditions: Table<12>,
    pub(crate) instructions: Table<1>,
}

impl Layout {
    /// A string.
    #[inline]
    pub(crate) fn string<'b>(&self, bytes: &'b [u8], id: u16) -> Option<&'b [u8]> {
        let place = u32::from(id);
        let start = index(self.string_starts.u32(bytes, place)?);
        let end = index(self.string_starts.u32(bytes, place.checked_add(1)?)?);
        slice_at(bytes, self.text.checked_add(start)?, end.checked_sub(start)?)
    }

    /// An automaton.
    #[inline]
    pub(crate) fn automaton(&self, bytes: &[u8], id: u16) -> Option<Automaton> {
        let offset = index(self.automata.u32(bytes, u32::from(id))?);
        let base = self.automata_start.checked_add(offset)?;
        let mut cursor = Cursor::new(bytes.get(base..)?);
        Automaton::lay_out(&mut cursor, base).ok()
    }
}
