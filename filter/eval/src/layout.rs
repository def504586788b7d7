//! Where everything lies in a blob. Made by `verify`, and only it.

use ambit_bytecode::cursor::{Cursor, index, slice_at};

use crate::automaton::Automaton;
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
    pub(crate) trust_domains: Table,
}

/// How a protocol's action keys are looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selector {
    pub(crate) exact: Index,
    pub(crate) automaton: u16,
}

/// Where everything lies. All offsets are from the start of the blob.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) string_starts: Table,
    pub(crate) text: usize,
    pub(crate) mesh: Mesh,
    pub(crate) effect_labels: Table,
    pub(crate) effect_sets: Table,
    pub(crate) profiles: Table,
    pub(crate) agents: Table,
    pub(crate) exact_identities: Index,
    pub(crate) namespaces: Index,
    pub(crate) identity_patterns: u16,
    pub(crate) mission_names: Index,
    pub(crate) missions: Table,
    pub(crate) services: Table,
    pub(crate) actions: Table,
    pub(crate) columns: u16,
    pub(crate) selectors: [Option<Selector>; 4],
    pub(crate) rows: Table,
    pub(crate) arms: Groups,
    pub(crate) reaches: Table,
    pub(crate) sets: Groups,
    pub(crate) fields: Table,
    pub(crate) keys: Table,
    pub(crate) literals: Table,
    pub(crate) literal_sets: Groups,
    pub(crate) networks: Groups,
    pub(crate) automata: Table,
    /// Offset of the automata section, from which automata are named.
    pub(crate) automata_start: usize,
    pub(crate) conditions: Table,
    pub(crate) instructions: Table,
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
