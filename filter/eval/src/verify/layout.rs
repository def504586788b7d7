//! Sections as tables: counts, record sizes, and that nothing is left over.

use ambit_bytecode::blob::{Blob, Section};
use ambit_bytecode::cursor::{Cursor, Truncated, index, u8_at};
use ambit_bytecode::limits::{MAX_BODY_BYTES, MAX_EFFECTS, MAX_FIELDS, MAX_NARROW_IDS, MAX_TRUST_DOMAINS};

use super::{Place, VerifyError, VerifyErrorKind, place};
use crate::facts::Protocol;
use crate::layout::{Form, Layout, Mesh, Selector};
use crate::table::{Groups, Index, Table};

/// Reads one section and knows how to complain about it.
struct Reader<'a> {
    place: Place,
    cursor: Cursor<'a>,
    /// Where what was read last begins.
    last: usize,
}

impl<'a> Reader<'a> {
    fn new(blob: &Blob<'a>, section: Section) -> Self {
        Self { place: place(blob, section), cursor: Cursor::new(blob.section(section)), last: 0 }
    }

    /// The error for what was read last.
    fn wrong(&self, kind: VerifyErrorKind) -> VerifyError {
        self.place.error(kind, self.last)
    }

    fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Cursor<'a>) -> Result<T, Truncated>,
    ) -> Result<T, VerifyError> {
        self.last = self.cursor.at();
        read(&mut self.cursor).map_err(|truncated| self.place.truncated(truncated))
    }

    fn u8(&mut self) -> Result<u8, VerifyError> {
        self.read(Cursor::u8)
    }

    fn u16(&mut self) -> Result<u16, VerifyError> {
        self.read(Cursor::u16)
    }

    fn u32(&mut self) -> Result<u32, VerifyError> {
        self.read(Cursor::u32)
    }

    fn reserved(&mut self) -> Result<(), VerifyError> {
        if self.u16()? == 0 { Ok(()) } else { Err(self.wrong(VerifyErrorKind::Reserved)) }
    }

    fn table<const SIZE: usize>(&mut self, count: u32) -> Result<Table<SIZE>, VerifyError> {
        let start = self.place.extent.start.saturating_add(self.cursor.at());
        self.read(|cursor| cursor.records(index(count), SIZE))?;
        Ok(Table { start, count })
    }

    /// `count + 1` firsts and then the items, whose number is the last first.
    fn groups<const SIZE: usize>(
        &mut self,
        blob: &Blob<'_>,
        count: u32,
    ) -> Result<Groups<SIZE>, VerifyError> {
        let rows = count.checked_add(1).ok_or_else(|| self.wrong(VerifyErrorKind::Count))?;
        let firsts: Table<4> = self.table(rows)?;
        let mut previous = 0;
        for place in 0..rows {
            let first = firsts.u32(blob.bytes(), place).unwrap_or(0);
            if (place == 0 && first != 0) || first < previous {
                return Err(self.place.error_at(VerifyErrorKind::Order, firsts.offset(place)));
            }
            previous = first;
        }
        let items = self.table(previous)?;
        Ok(Groups { firsts, items })
    }

    fn index<const SIZE: usize>(&mut self) -> Result<Index<SIZE>, VerifyError> {
        let seed = self.u32()?;
        let displacements = self.u32()?;
        let slots = self.u32()?;
        if (displacements == 0) != (slots == 0) {
            return Err(self.wrong(VerifyErrorKind::Count));
        }
        let displacements = self.table(displacements)?;
        let slots = self.table(slots)?;
        Ok(Index { seed, displacements, slots })
    }

    /// A protocol that comes after the one before.
    fn protocol_after(&mut self, previous: &mut Option<Protocol>) -> Result<Protocol, VerifyError> {
        let protocol =
            Protocol::from_number(self.u8()?).ok_or_else(|| self.wrong(VerifyErrorKind::Unknown))?;
        if previous.replace(protocol) >= Some(protocol) {
            return Err(self.wrong(VerifyErrorKind::Order));
        }
        Ok(protocol)
    }

    fn at_end(&self) -> Result<(), VerifyError> {
        if self.cursor.is_at_end() {
            Ok(())
        } else {
            Err(self.place.error(VerifyErrorKind::Trailing, self.cursor.at()))
        }
    }
}

pub(super) fn lay_out(blob: &Blob<'_>) -> Result<Layout, VerifyError> {
    let mut layout = Layout::default();
    strings(blob, &mut layout)?;
    layout.mesh = mesh(blob)?;
    effects(blob, &mut layout)?;
    layout.profiles = counted(blob, Section::Profiles)?;
    layout.agents = counted(blob, Section::Agents)?;
    identities(blob, &mut layout)?;
    missions(blob, &mut layout)?;
    actions(blob, &mut layout)?;
    selectors(blob, &mut layout)?;
    let rows = blob.extent(Section::Rows);
    layout.rows = Table { start: rows.start, count: u32::try_from(rows.length).unwrap_or(0) };
    layout.arms = grouped(blob, Section::Arms)?;
    layout.reaches = counted(blob, Section::Reaches)?;
    layout.sets = grouped(blob, Section::Sets)?;
    fields(blob, &mut layout)?;
    literals(blob, &mut layout)?;
    layout.networks = grouped(blob, Section::Networks)?;
    automata(blob, &mut layout)?;
    code(blob, &mut layout)?;
    layout.form = form(blob, &layout);
    Ok(layout)
}

fn form(blob: &Blob<'_>, layout: &Layout) -> Form {
    let is_first = blob.version() == 1;
    Form {
        relative_rules: !is_first,
        wide_columns: is_first || layout.columns > MAX_NARROW_IDS,
        wide_arms: is_first || layout.arms.count() > u32::from(MAX_NARROW_IDS),
    }
}

/// `count u16`, `reserved u16`, and records.
fn counted<const SIZE: usize>(blob: &Blob<'_>, section: Section) -> Result<Table<SIZE>, VerifyError> {
    let mut reader = Reader::new(blob, section);
    let count = reader.u16()?;
    reader.reserved()?;
    let table = reader.table(u32::from(count))?;
    reader.at_end()?;
    Ok(table)
}

/// `count u32`, firsts, and items.
fn grouped<const SIZE: usize>(blob: &Blob<'_>, section: Section) -> Result<Groups<SIZE>, VerifyError> {
    let mut reader = Reader::new(blob, section);
    let count = reader.u32()?;
    let groups = reader.groups(blob, count)?;
    reader.at_end()?;
    Ok(groups)
}

fn strings(blob: &Blob<'_>, layout: &mut Layout) -> Result<(), VerifyError> {
    let mut reader = Reader::new(blob, Section::Strings);
    let count = reader.u32()?;
    if count > u32::from(u16::MAX) {
        return Err(reader.wrong(VerifyErrorKind::Count));
    }
    let text = reader.groups::<1>(blob, count)?;
    reader.at_end()?;
    layout.string_starts = text.firsts;
    layout.text = text.items.start;
    Ok(())
}

fn mesh(blob: &Blob<'_>) -> Result<Mesh, VerifyError> {
    let mut reader = Reader::new(blob, Section::Mesh);
    let max_depth = reader.u8()?;
    if max_depth == 0 {
        return Err(reader.wrong(VerifyErrorKind::Count));
    }
    let flags = reader.u8()?;
    if flags & !7 != 0 {
        return Err(reader.wrong(VerifyErrorKind::Reserved));
    }
    let namespace = reader.u16()?;
    let service_account = reader.u16()?;
    let count = reader.u16()?;
    if count == 0 || usize::from(count) > MAX_TRUST_DOMAINS {
        return Err(reader.wrong(VerifyErrorKind::Count));
    }
    let trust_domains = reader.table(u32::from(count))?;
    reader.at_end()?;
    Ok(Mesh {
        max_depth,
        refuse_cycles: flags & 1 != 0,
        require_stamp: flags & 2 != 0,
        shadow: flags & 4 != 0,
        namespace,
        service_account,
        trust_domains,
    })
}

fn effects(blob: &Blob<'_>, layout: &mut Layout) -> Result<(), VerifyError> {
    let mut reader = Reader::new(blob, Section::Effects);
    let labels = reader.u16()?;
    if usize::from(labels) > MAX_EFFECTS {
        return Err(reader.wrong(VerifyErrorKind::Count));
    }
    layout.effect_labels = reader.table(u32::from(labels))?;
    let sets = reader.u16()?;
    layout.effect_sets = reader.table(u32::from(sets))?;
    reader.at_end()
}

fn identities(blob: &Blob<'_>, layout: &mut Layout) -> Result<(), VerifyError> {
    let mut reader = Reader::new(blob, Section::Identities);
    layout.exact_identities = reader.index()?;
    layout.namespaces = reader.index()?;
    layout.identity_patterns = reader.u16()?;
    reader.at_end()
}

fn missions(blob: &Blob<'_>, layout: &mut Layout) -> Result<(), VerifyError> {
    let mut reader = Reader::new(blob, Section::Missions);
    layout.mission_names = reader.index()?;
    let count = reader.u16()?;
    reader.reserved()?;
    layout.missions = reader.table(u32::from(count))?;
    reader.at_end()
}

fn actions(blob: &Blob<'_>, layout: &mut Layout) -> Result<(), VerifyError> {
    let mut reader = Reader::new(blob, Section::Actions);
    let services = reader.u16()?;
    let actions = reader.u16()?;
    layout.columns = reader.u16()?;
    let listings = reader.u16()?;
    layout.services = reader.table(u32::from(services))?;
    layout.actions = reader.table(u32::from(actions))?;
    layout.listings = reader.table(u32::from(listings))?;
    for place in 0..layout.services.count {
        match layout.services.record(blob.bytes(), place).and_then(|record| u8_at(record, 3)) {
            Some(1) => layout.modes.enforce = true,
            Some(2) => layout.modes.shadow = true,
            _ => layout.modes.unsaid = true,
        }
    }
    reader.at_end()
}

fn selectors(blob: &Blob<'_>, layout: &mut Layout) -> Result<(), VerifyError> {
    let mut reader = Reader::new(blob, Section::Selectors);
    let count = reader.u16()?;
    let limits = reader.u16()?;
    let mut previous = None;
    for _ in 0..count {
        let protocol = reader.protocol_after(&mut previous)?;
        if reader.u8()? != 0 {
            return Err(reader.wrong(VerifyErrorKind::Reserved));
        }
        let automaton = reader.u16()?;
        let exact = reader.index()?;
        if let Some(slot) = layout.selectors.get_mut(protocol.place()) {
            *slot = Some(Selector { exact, automaton });
        }
    }
    previous = None;
    for _ in 0..limits {
        let protocol = reader.protocol_after(&mut previous)?;
        if layout.selectors.get(protocol.place()).copied().flatten().is_none() {
            return Err(reader.wrong(VerifyErrorKind::Reference));
        }
        if reader.u8()? != 0 {
            return Err(reader.wrong(VerifyErrorKind::Reserved));
        }
        reader.reserved()?;
        let most = reader.u32()?;
        if most == 0 || most > MAX_BODY_BYTES {
            return Err(reader.wrong(VerifyErrorKind::Count));
        }
        if let Some(slot) = layout.body_limits.get_mut(protocol.place()) {
            *slot = most;
        }
    }
    reader.at_end()
}

fn fields(blob: &Blob<'_>, layout: &mut Layout) -> Result<(), VerifyError> {
    let mut reader = Reader::new(blob, Section::Fields);
    let count = reader.u16()?;
    if usize::from(count) > MAX_FIELDS {
        return Err(reader.wrong(VerifyErrorKind::Count));
    }
    let keys = reader.u16()?;
    layout.fields = reader.table(u32::from(count))?;
    layout.keys = reader.table(u32::from(keys))?;
    reader.at_end()
}

fn literals(blob: &Blob<'_>, layout: &mut Layout) -> Result<(), VerifyError> {
    let mut reader = Reader::new(blob, Section::Literals);
    let count = reader.u16()?;
    let sets = reader.u16()?;
    layout.literals = reader.table(u32::from(count))?;
    layout.literal_sets = reader.groups(blob, u32::from(sets))?;
    reader.at_end()
}

fn automata(blob: &Blob<'_>, layout: &mut Layout) -> Result<(), VerifyError> {
    let mut reader = Reader::new(blob, Section::Automata);
    let count = reader.u16()?;
    reader.reserved()?;
    layout.automata = reader.table(u32::from(count))?;
    layout.automata_start = blob.extent(Section::Automata).start;
    Ok(())
}

fn code(blob: &Blob<'_>, layout: &mut Layout) -> Result<(), VerifyError> {
    let mut reader = Reader::new(blob, Section::Code);
    let count = reader.u16()?;
    reader.reserved()?;
    layout.conditions = reader.table(u32::from(count))?;
    let extent = blob.extent(Section::Code);
    let start = extent.start.saturating_add(reader.cursor.at());
    let length = extent.length.saturating_sub(reader.cursor.at());
    layout.instructions = Table { start, count: u32::try_from(length).unwrap_or(0) };
    Ok(())
}
