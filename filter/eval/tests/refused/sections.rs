//! Sections: as tables, what they name, and what they hold.

use ambit_bytecode::limits::MAX_BODY_BYTES;
use ambit_bytecode::{NONE, Section, Section::*};

use super::VerifyErrorKind::{Count, Number, Order, Reference, Reserved, Trailing, Truncated, Unknown};
use super::{Case, Change, case, check};
use crate::writer::{Argument, Automaton, Draft, Field, Literal, Row};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Counts, record sizes, reserved bytes, and that nothing is left over.
pub const TABLES: &[Case] = &[
    case(Change::Cut(Strings, 1), Truncated, Strings, 4 + 4 * (STRINGS + 1)),
    case(Change::Push(Strings, &[0]), Trailing, Strings, STRINGS_END),
    case(Change::Set(Strings, 0, &[0, 0, 1, 0]), Count, Strings, 0),
    case(Change::Set(Strings, 0, &[255, 255, 0, 0]), Truncated, Strings, 4),
    case(Change::Set(Strings, 4, &[1]), Order, Strings, 4),
    case(Change::Set(Strings, 8, &[255; 4]), Order, Strings, 12),
    case(Change::Cut(Mesh, 1), Truncated, Mesh, 8),
    case(Change::Push(Mesh, &[0]), Trailing, Mesh, 12),
    case(Change::Set(Mesh, 0, &[0]), Count, Mesh, 0),
    case(Change::Set(Mesh, 1, &[8]), Reserved, Mesh, 1),
    case(Change::Set(Mesh, 6, &[0]), Count, Mesh, 6),
    case(Change::Set(Mesh, 6, &[17]), Count, Mesh, 6),
    case(Change::Cut(Effects, 1), Truncated, Effects, 8),
    case(Change::Push(Effects, &[0]), Trailing, Effects, 24),
    case(Change::Set(Effects, 0, &[65]), Count, Effects, 0),
    case(Change::Set(Effects, 0, &[64]), Truncated, Effects, 2),
    case(Change::Cut(Profiles, 1), Truncated, Profiles, 4),
    case(Change::Push(Profiles, &[0]), Trailing, Profiles, 28),
    case(Change::Set(Profiles, 2, &[1]), Reserved, Profiles, 2),
    case(Change::Set(Profiles, 3, &[1]), Reserved, Profiles, 2),
    case(Change::Cut(Agents, 1), Truncated, Agents, 4),
    case(Change::Push(Agents, &[0]), Trailing, Agents, 64),
    case(Change::Set(Agents, 2, &[1]), Reserved, Agents, 2),
    case(Change::Cut(Identities, 1), Truncated, Identities, IDENTITIES_END - 2),
    case(Change::Push(Identities, &[0]), Trailing, Identities, IDENTITIES_END),
    case(Change::Set(Identities, 4, &[0]), Count, Identities, 8),
    case(Change::Set(Identities, 8, &[0]), Count, Identities, 8),
    case(Change::Set(Identities, 7, &[1]), Truncated, Identities, 12),
    case(Change::Set(Identities, 11, &[1]), Truncated, Identities, 18),
    case(Change::Cut(Missions, 1), Truncated, Missions, 28),
    case(Change::Push(Missions, &[0]), Trailing, Missions, 68),
    case(Change::Set(Missions, 26, &[1]), Reserved, Missions, 26),
    case(Change::Cut(Actions, 1), Truncated, Actions, 16),
    case(Change::Push(Actions, &[0]), Trailing, Actions, 32),
    case(Change::Set(Actions, 6, &[1]), Truncated, Actions, 32),
    case(Change::Cut(Selectors, 1), Truncated, Selectors, LIMIT + 4),
    case(Change::Push(Selectors, &[0]), Trailing, Selectors, LIMIT + 8),
    case(Change::Set(Selectors, 2, &[2]), Truncated, Selectors, LIMIT + 8),
    case(Change::Draft(|draft| draft.limits[0].0 = 6), Unknown, Selectors, LIMIT),
    case(Change::Draft(|draft| draft.limits[0].0 = 3), Reference, Selectors, LIMIT),
    case(Change::Draft(|draft| draft.limits.push((2, 1))), Order, Selectors, LIMIT + 8),
    case(Change::Draft(|draft| draft.limits[0].1 = 0), Count, Selectors, LIMIT + 4),
    case(Change::Draft(|draft| draft.limits[0].1 = MAX_BODY_BYTES + 1), Count, Selectors, LIMIT + 4),
    case(Change::Set(Selectors, LIMIT + 1, &[1]), Reserved, Selectors, LIMIT + 1),
    case(Change::Set(Selectors, LIMIT + 2, &[1]), Reserved, Selectors, LIMIT + 2),
    case(Change::Set(Selectors, 4, &[0]), Unknown, Selectors, 4),
    case(Change::Set(Selectors, 4, &[6]), Unknown, Selectors, 4),
    case(Change::Set(Selectors, 5, &[1]), Reserved, Selectors, 5),
    case(Change::Set(Selectors, 4, &[2]), Order, Selectors, SECOND_SELECTOR),
    case(Change::Set(Selectors, 4, &[3]), Order, Selectors, SECOND_SELECTOR),
    case(Change::Cut(Arms, 1), Truncated, Arms, 16),
    case(Change::Push(Arms, &[0]), Trailing, Arms, 40),
    case(Change::Set(Arms, 0, &[255; 4]), Count, Arms, 0),
    case(Change::Set(Arms, 4, &[1]), Order, Arms, 4),
    case(Change::Set(Arms, 8, &[4]), Order, Arms, 12),
    case(Change::Cut(Reaches, 1), Truncated, Reaches, 4),
    case(Change::Push(Reaches, &[0]), Trailing, Reaches, 12),
    case(Change::Set(Reaches, 2, &[1]), Reserved, Reaches, 2),
    case(Change::Cut(Sets, 1), Truncated, Sets, 20),
    case(Change::Push(Sets, &[0]), Trailing, Sets, 28),
    case(Change::Set(Sets, 12, &[1]), Order, Sets, 12),
    case(Change::Cut(Fields, 1), Truncated, Fields, 100),
    case(Change::Push(Fields, &[0]), Trailing, Fields, 114),
    case(Change::Set(Fields, 0, &[1, 4]), Count, Fields, 0),
    case(Change::Set(Fields, 0, &[0, 4]), Truncated, Fields, 4),
    case(Change::Cut(Literals, 1), Truncated, Literals, 176),
    case(Change::Push(Literals, &[0]), Trailing, Literals, 194),
    case(Change::Set(Literals, 164, &[8]), Order, Literals, 168),
    case(Change::Cut(Networks, 1), Truncated, Networks, 16),
    case(Change::Push(Networks, &[0]), Trailing, Networks, 50),
    case(Change::Set(Networks, 8, &[3]), Order, Networks, 12),
    case(Change::Cut(Automata, 1), Truncated, Automata, DIGITS + 20),
    case(Change::Push(Automata, &[0]), Trailing, Automata, DIGITS + 32),
    case(Change::Set(Automata, 2, &[1]), Reserved, Automata, 2),
    case(Change::Set(Automata, 0, &[200]), Truncated, Automata, 4),
];

/// Ids that name nothing.
pub const NAMES: &[Case] = &[
    case(Change::Set(Mesh, 2, &[255]), Reference, Mesh, 2),
    case(Change::Set(Mesh, 4, &[255]), Reference, Mesh, 4),
    case(Change::Set(Mesh, 8, &[255, 255]), Reference, Mesh, 8),
    case(Change::Set(Mesh, 10, &[255]), Reference, Mesh, 10),
    case(Change::Set(Effects, 4, &[255]), Reference, Effects, 4),
    case(Change::Draft(|draft| draft.profiles[1].ceiling = 2), Reference, Profiles, 16),
    case(Change::Draft(|draft| draft.profiles[0].delegates = 3), Reference, Profiles, 4),
    case(Change::Draft(|draft| draft.sets[0] = vec![1, 5]), Reference, Profiles, 16),
    case(Change::Draft(|draft| draft.profiles[0].missions = 3), Reference, Profiles, 4),
    case(Change::Draft(|draft| draft.sets[1] = vec![1, 2]), Reference, Profiles, 16),
    case(Change::Set(Agents, 16, &[255]), Reference, Agents, 16),
    case(Change::Draft(|draft| draft.agents[4].profile = 2), Reference, Agents, 52),
    case(
        Change::Draft(|draft| draft.exact.iter_mut().for_each(|exact| exact.agent = 5)),
        Reference,
        Identities,
        18,
    ),
    case(
        Change::Draft(|draft| draft.exact.iter_mut().for_each(|exact| exact.trust_domain = 2)),
        Reference,
        Identities,
        18,
    ),
    case(Change::Set(Identities, 22, &[254, 255]), Reference, Identities, 18),
    case(Change::Set(Identities, 24, &[255]), Reference, Identities, 18),
    case(Change::Draft(|draft| draft.namespaces[0].0 = 5), Reference, Identities, NAMESPACES + 14),
    case(Change::Set(Identities, NAMESPACES + 16, &[255]), Reference, Identities, NAMESPACES + 14),
    case(Change::Draft(|draft| draft.identity_patterns = Some(3)), Reference, Identities, IDENTITIES_END - 2),
    case(Change::Draft(|draft| draft.automata[1].states[4].0 = 5), Reference, Identities, IDENTITIES_END - 2),
    case(Change::Set(Missions, 16, &[2]), Reference, Missions, 16),
    case(Change::Set(Missions, 48, &[255]), Reference, Missions, 48),
    case(Change::Draft(|draft| draft.missions[0].ceiling = 2), Reference, Missions, 28),
    case(Change::Set(Actions, 8, &[255]), Reference, Actions, 8),
    case(Change::Set(Actions, 16, &[255]), Reference, Actions, 16),
    case(Change::Draft(|draft| draft.actions[1].service = 2), Reference, Actions, 24),
    case(Change::Draft(|draft| draft.actions[1].effects = 2), Reference, Actions, 24),
    case(Change::Draft(|draft| draft.actions[1].effects = NONE), Reference, Actions, 24),
    case(Change::Draft(|draft| draft.actions[1].column = 2), Reference, Actions, 24),
    case(Change::Draft(|draft| list(draft, &[(2, 3, 3)])), Reference, Actions, 32),
    case(Change::Draft(|draft| list(draft, &[(0, 3, 3), (1, 5, 3)])), Reference, Actions, 38),
    case(Change::Draft(|draft| list(draft, &[(0, NONE, 3)])), Reference, Actions, 32),
    case(Change::Draft(|draft| list(draft, &[(0, 3, NONE)])), Reference, Actions, 32),
    case(Change::Draft(|draft| list(draft, &[(0, 4, 3)])), Reference, Actions, 32),
    case(Change::Draft(|draft| list_of(draft, vec![0])), Reference, Actions, 32),
    case(Change::Draft(|draft| list_of(draft, vec![6])), Reference, Actions, 32),
    case(Change::Draft(|draft| draft.selectors[0].automaton = 3), Reference, Selectors, 6),
    case(Change::Draft(|draft| draft.automata[0].states[1].0 = 2), Reference, Selectors, SECOND_SELECTOR + 2),
    case(Change::Set(Selectors, 22, &[255]), Reference, Selectors, 22),
    case(Change::Draft(|draft| draft.selectors[0].keys[0].1 = 2), Reference, Selectors, 22),
    case(Change::Draft(|draft| draft.arms[1][0].1 = 1), Reference, Arms, 24),
    case(Change::Draft(|draft| draft.arms[1][0].2 = 2), Reference, Arms, 24),
    case(Change::Draft(|draft| draft.reaches[0].1 = 3), Reference, Reaches, 4),
    case(Change::Draft(|draft| (draft.reaches[0].1, draft.sets[2]) = (2, vec![5])), Reference, Reaches, 4),
    case(Change::Set(Fields, 8, &[255, 255]), Reference, Fields, 4),
    case(Change::Set(Fields, 112, &[255]), Reference, Fields, 112),
    case(Change::Set(Fields, 4 + 3 * 8 + 6, &[6]), Reference, Fields, 28),
    case(Change::Draft(|draft| draft.fields[3].keys = vec!["k"; 17]), Reference, Fields, 28),
    case(Change::Draft(|draft| draft.fields[0].keys = vec!["k"]), Reference, Fields, 4),
    case(Change::Draft(|draft| draft.fields[0].list = 4), Reference, Fields, 4),
    case(Change::Draft(|draft| draft.fields[5].list = 12), Reference, Fields, 44),
    case(Change::Draft(|draft| draft.fields[5].list = 0), Reference, Fields, 44),
    case(Change::Draft(|draft| draft.fields[5].list = 6), Reference, Fields, 44),
    case(Change::Draft(|draft| draft.fields[5].list = 5), Reference, Fields, 44),
    case(Change::Set(Literals, 4 + 8 * 12 + 4, &[255]), Reference, Literals, 100),
    case(Change::Draft(|draft| draft.literal_sets[0][2] = 13), Reference, Literals, 180),
    case(Change::Draft(|draft| draft.automata[0].states[1].1[0].2 = 2), Reference, Automata, 40),
    case(Change::Set(Automata, 18, &[2]), Reference, Automata, 16),
    case(Change::Draft(|draft| draft.automata[2] = Automaton::default()), Reference, Automata, DIGITS),
    // Rows: one that does not fit, columns and arms that are not there.
    case(Change::Set(Agents, 8, &[255]), Reference, Agents, 4),
    case(Change::Set(Agents, 8, &[255; 3]), Reference, Agents, 4),
    case(Change::Set(Missions, 32, &[253]), Reference, Missions, 28),
    case(Change::Set(Rows, 1, &[127]), Reference, Agents, 4),
    case(Change::Draft(|draft| draft.agents[3].row = row(&[(2, NONE)], &[])), Reference, Agents, 40),
    case(Change::Draft(|draft| draft.agents[3].row = row(&[], &[(2, NONE)])), Reference, Agents, 40),
    case(Change::Draft(|draft| draft.agents[3].row = row(&[(0, 2)], &[])), Reference, Agents, 40),
    case(Change::Draft(|draft| draft.missions[1].row = row(&[], &[(0, 2)])), Reference, Missions, 48),
];

/// Flags, order, numbers.
pub const VALUES: &[Case] = &[
    case(Change::Draft(|draft| draft.profiles[1].flags = 64), Reserved, Profiles, 16),
    case(Change::Draft(|draft| draft.profiles[0].flags = 48), Reserved, Profiles, 4),
    case(Change::Set(Profiles, 13, &[1]), Reserved, Profiles, 4),
    case(Change::Set(Profiles, 15, &[1]), Reserved, Profiles, 4),
    case(Change::Draft(|draft| draft.services[1].1 = 6), Unknown, Actions, 12),
    case(Change::Draft(|draft| draft.services[1].1 = 0), Unknown, Actions, 12),
    case(Change::Draft(|draft| draft.services[0].2 = 3), Unknown, Actions, 8),
    case(Change::Draft(|draft| list(draft, &[(1, 3, 3), (0, 3, 3)])), Order, Actions, 38),
    case(Change::Draft(|draft| list(draft, &[(1, 3, 3), (1, 3, 3)])), Order, Actions, 38),
    case(Change::Draft(|draft| list(draft, &[(0, 2, 3)])), Count, Actions, 32),
    case(Change::Draft(|draft| draft.agents[3].row = row(&[(1, NONE), (0, NONE)], &[])), Order, Agents, 40),
    case(Change::Draft(|draft| draft.agents[3].row = row(&[], &[(0, NONE), (0, NONE)])), Order, Agents, 40),
    case(
        Change::Draft(|draft| draft.missions[0].row = row(&[(1, NONE), (1, NONE)], &[])),
        Order,
        Missions,
        28,
    ),
    case(Change::Draft(|draft| draft.arms[0].clear()), Count, Arms, 4),
    case(Change::Draft(|draft| draft.arms[1][1].0 = 0), Order, Arms, 32),
    case(Change::Draft(|draft| draft.reaches[1].0 = 4), Reserved, Reaches, 8),
    case(Change::Draft(|draft| draft.sets[1] = vec![1, 0]), Order, Sets, 26),
    case(Change::Draft(|draft| draft.sets[1] = vec![1, 1]), Order, Sets, 26),
    case(Change::Set(Fields, 4, &[0]), Unknown, Fields, 4),
    case(Change::Set(Fields, 4, &[12]), Unknown, Fields, 4),
    case(Change::Draft(|draft| draft.fields[9].argument = Argument::Number(0)), Reserved, Fields, 76),
    case(Change::Draft(|draft| draft.fields[2].argument = Argument::Number(256)), Number, Fields, 20),
    case(Change::Set(Literals, 5, &[1]), Reserved, Literals, 4),
    case(Change::Set(Literals, 4, &[5]), Unknown, Literals, 4),
    // What is no number or text has no payload, and a text has no exponent.
    case(Change::Set(Literals, 8, &[1]), Unknown, Literals, 4),
    case(Change::Set(Literals, 18, &[1]), Unknown, Literals, 16),
    case(Change::Set(Literals, 102, &[1]), Unknown, Literals, 100),
    case(Change::Set(Literals, 106, &[1]), Unknown, Literals, 100),
    case(Change::Draft(|draft| draft.literals[3] = Literal::Number(50, 0)), Number, Literals, 40),
    case(Change::Draft(|draft| draft.literals[3] = Literal::Number(0, 1)), Number, Literals, 40),
    case(Change::Draft(|draft| draft.literals[3] = Literal::Number(5, 65)), Number, Literals, 40),
    case(Change::Draft(|draft| draft.literals[3] = Literal::Number(5, -65)), Number, Literals, 40),
    case(Change::Draft(|draft| draft.literals[3] = Literal::Number(5, i16::MIN)), Number, Literals, 40),
    case(
        Change::Draft(|draft| draft.literals[3] = Literal::Number(10_i64.pow(18) + 1, 0)),
        Number,
        Literals,
        40,
    ),
    case(Change::Draft(|draft| draft.literals[3] = Literal::Number(i64::MIN, 0)), Number, Literals, 40),
    case(Change::Draft(|draft| draft.literal_sets[1].clear()), Count, Literals, 164),
    case(Change::Draft(|draft| draft.literal_sets[0] = vec![4, 6, 9]), Order, Literals, 178),
    case(Change::Draft(|draft| draft.literal_sets[0] = vec![6, 6, 9]), Order, Literals, 178),
    case(Change::Draft(|draft| draft.literal_sets[0] = vec![6, 9, 8]), Order, Literals, 180),
    case(Change::Draft(|draft| draft.literal_sets[0] = vec![8, 3, 9]), Order, Literals, 178),
    case(Change::Draft(|draft| draft.networks[0][1].1 = 129), Number, Networks, 33),
    // Automata: not where they are said to be; ranges of a state that begin or end elsewhere, or do not ascend.
    case(Change::Set(Automata, 4, &[17]), Order, Automata, 16),
    case(Change::Set(Automata, 8, &[45]), Order, Automata, 44),
    case(Change::Set(Automata, 24, &[1]), Order, Automata, 24),
    case(Change::Set(Automata, 30, &[3]), Order, Automata, 24),
    case(Change::Draft(|draft| draft.automata[2].states[1].1[1] = (4, 9, 1)), Order, Automata, DIGITS + 28),
    case(
        Change::Draft(|draft| draft.automata[2].states[1].1[1] = (b'9', b'5', 1)),
        Order,
        Automata,
        DIGITS + 28,
    ),
    case(Change::Draft(|draft| draft.automata[2].states[1].1[0].1 = b'5'), Order, Automata, DIGITS + 28),
];

/// How many strings the valid blob has, and how long their section is.
const STRINGS: usize = 32;
const STRINGS_END: usize = 354;
/// Where the namespaces' index begins, and how long the section is.
const NAMESPACES: usize = 12 + 6 + 5 * 8;
const IDENTITIES_END: usize = NAMESPACES + 12 + 2 + 2 * 4 + 2;
/// Where the second selector begins: after the first, with one key in two slots.
const SECOND_SELECTOR: usize = 4 + 4 + 12 + 2 + 2 * 4;

/// Where the limit begins.
const LIMIT: usize = SECOND_SELECTOR + 36;
/// Where the third automaton begins.
const DIGITS: usize = 16 + (8 + 12 + 8) + (8 + 30 + 20);

/// Listings, over a set 3 of fields and a set 4 of what is none.
fn list(draft: &mut Draft, listings: &[(u16, u16, u16)]) {
    draft.sets.extend([vec![3, 4], vec![4, 12]]);
    draft.listings = listings.to_vec();
}

/// A listing of these fields.
fn list_of(draft: &mut Draft, fields: Vec<u16>) {
    list(draft, &[(0, 3, 3)]);
    draft.sets[3] = fields;
}

fn row(grants: &[(u16, u16)], denies: &[(u16, u16)]) -> Option<Row> {
    Some(Row { grants: grants.to_vec(), denies: denies.to_vec() })
}

#[test]
fn tables_are_checked() {
    check(TABLES);
}

#[test]
fn names_are_checked() {
    check(NAMES);
}

#[test]
fn values_are_checked() {
    check(VALUES);
}

/// Rows that are shared are looked at once for each who shares them, so there is a bound on all of it.
#[test]
fn shared_rows_are_bounded() {
    let shared_by = |agents: usize| {
        let mut draft = super::world("true");
        draft.columns = 1_024;
        draft.agents.resize(agents, draft.agents[4].clone());
        draft.agents[0].row = row(&(0..1_024).map(|column| (column, NONE)).collect::<Vec<_>>(), &[]);
        draft.agents[1..5].iter_mut().for_each(|agent| agent.row = None);
        let (mut sections, header) = draft.sections();
        for agent in 1..agents {
            sections.section(Section::Agents)[4 + agent * 12 + 4..][..4].fill(0);
        }
        super::Program::verify(sections.frame(&header).unwrap())
            .err()
            .map(|error| (error.kind, error.section))
    };
    assert_eq!(shared_by(4_096), None);
    assert_eq!(shared_by(4_097), Some((Count, Some(Section::Agents))));
}

/// Sets that are shared by listings are looked at once for each that shares them.
#[test]
fn shared_listings_are_bounded() {
    let shared_by = |actions: u16| {
        let mut draft = super::world("true");
        draft.actions = vec![draft.actions[0].clone(); usize::from(actions)];
        let header = Field { keys: vec![], ..draft.fields[3].clone() };
        draft.fields.resize(1_024, header);
        draft.sets.extend([(12..524).collect(), (512..1_024).collect()]);
        draft.listings = (0..actions).map(|action| (action, 3, 4)).collect();
        super::Program::verify(draft.blob()).err().map(|error| (error.kind, error.section))
    };
    assert_eq!(shared_by(64), None);
    assert_eq!(shared_by(65), Some((Count, Some(Section::Actions))));
}

/// What is just within the limits is a program.
#[test]
fn limits_are_reached() {
    let mut draft = super::world("true");
    draft.trust_domains = vec!["mesh.example"; 16];
    draft.effects = vec!["read"; 64];
    draft.services[1].2 = 2;
    draft.fields[2].argument = Argument::Number(255);
    draft.fields[3].keys = vec!["k"; 16];
    let header = Field { keys: vec![], ..draft.fields[0].clone() };
    draft.fields.resize(1_024, header);
    draft.literals[3] = Literal::Number(10_i64.pow(18) - 1, 64);
    draft.literals[4] = Literal::Number(1 - 10_i64.pow(18), -64);
    draft.literal_sets = vec![vec![6, 4, 3]];
    draft.conditions = vec!["field 0, in-set 0".to_owned()];
    draft.networks[0] = vec![("::", 0), ("::1", 128)];
    draft.agents[4].row = row(&[], &[]);
    assert_eq!(super::Program::verify(draft.blob()).err(), None);
}
