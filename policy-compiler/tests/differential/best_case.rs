//! What is read does not make more of a request than its best case, and the best case of what is read is the verdict.

use ambit_compiler::reference::{Case, FieldValue};
use ambit_eval::{Arguments, Count, Facts, Program, Request, Value, Verdict};

use super::facts::{CaseFacts, with_facts};

/// Says how the best case of a case is not as it must be beside its verdict.
pub(crate) fn differs(program: &Program<Vec<u8>>, actual: &Verdict, case: &Case) -> Option<String> {
    for cut in [0_u16, 1, 2, 3, 5, 8, 16] {
        let best = best_case(program, case, |field| cut != 0 && field % cut == 0);
        if best.steps > program.step_bound() {
            return Some(format!("{} steps, bound {}", best.steps, program.step_bound()));
        }
        if best.pending || (actual.allows() && !best.allows()) {
            return Some(format!("the best case {best:?} is not as good as {actual:?}"));
        }
        if cut == 1 && !case.fields.values().chain(&case.arguments).any(has_unread) && best != *actual {
            return Some(format!("the best case {best:?} of what is read is not {actual:?}"));
        }
    }
    None
}

fn has_unread(value: &FieldValue) -> bool {
    match value {
        FieldValue::Unread => true,
        FieldValue::List(items) => items.iter().any(has_unread),
        FieldValue::Object(entries) => entries.values().any(has_unread),
        _ => false,
    }
}

/// Judges a case by a blob at its best, as far as it is `read`.
fn best_case<B: AsRef<[u8]>>(program: &Program<B>, case: &Case, read: impl Fn(u16) -> bool) -> Verdict {
    with_facts(program, case, |request| {
        let facts = Partly { whole: request.facts, read };
        let Request { caller, statement, protocol, key, now, .. } = *request;
        program.best_case(&Request { caller, statement, protocol, key, facts: &facts, now })
    })
}

/// Facts of which some have not been read.
struct Partly<'a, F> {
    whole: &'a CaseFacts<'a>,
    read: F,
}

impl<F: Fn(u16) -> bool> Facts for Partly<'_, F> {
    fn value(&self, field: u16) -> Value<'_> {
        if (self.read)(field) { self.whole.value(field) } else { Value::Unread }
    }

    fn count(&self, list: u16) -> Count {
        if (self.read)(list) { self.whole.count(list) } else { Count::Unread }
    }

    fn element(&self, field: u16, place: u32) -> Value<'_> {
        if (self.read)(field) { self.whole.element(field, place) } else { Value::Unread }
    }

    fn arguments(&self, listing: u16) -> Arguments {
        if (self.read)(listing) { self.whole.arguments(listing) } else { Arguments::Unread }
    }
}
