//! Effect labels to bits.

use std::collections::HashMap;

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::EffectSet;
use crate::source::Span;
use crate::syntax::ast::Name;
use crate::syntax::limits::MAX_EFFECTS;
use crate::syntax::suggest::did_you_mean;

/// Effects that the documentation names. Others may be used as well.
pub const WELL_KNOWN: &[(&str, &str)] = &[
    ("read", "Looks at something."),
    ("write", "Changes something."),
    ("send", "Tells someone outside."),
    ("money", "Moves money."),
    ("irreversible", "Cannot be undone."),
    ("admin", "Changes who may do what, or how things run."),
];

/// The labels of a policy, numbered as they are met.
#[derive(Default)]
pub(super) struct Effects {
    labels: Vec<String>,
    bits: HashMap<String, u32>,
    /// Labels in ceilings, and where.
    bounded: Vec<(String, Span)>,
    full: bool,
}

impl Effects {
    /// The set of an action's effects.
    pub(super) fn of_action(&mut self, names: &[Name], diagnostics: &mut Diagnostics) -> EffectSet {
        let mut set = 0_u64;
        for name in names {
            set |= self.bit(name, diagnostics);
        }
        EffectSet(set)
    }

    /// The set of a ceiling.
    pub(super) fn of_ceiling(&mut self, names: &[Name], diagnostics: &mut Diagnostics) -> EffectSet {
        self.bounded.extend(
            names.iter().filter(|name| is_label(&name.value)).map(|name| (name.value.clone(), name.span)),
        );
        self.of_action(names, diagnostics)
    }

    fn bit(&mut self, name: &Name, diagnostics: &mut Diagnostics) -> u64 {
        if let Some(bit) = self.bits.get(&name.value) {
            return 1_u64.checked_shl(*bit).unwrap_or(0);
        }
        if !is_label(&name.value) {
            let message = format!("`{}` is not an effect", name.value);
            diagnostics.push(
                Diagnostic::new(Code::BadName, name.span, message)
                    .help("lower-case letters, digits and `-`, starting with a letter, as in `read`"),
            );
            return 0;
        }
        if self.labels.len() >= MAX_EFFECTS {
            if !self.full {
                let message = format!("more than {MAX_EFFECTS} different effects");
                diagnostics.push(Diagnostic::new(Code::TooMuch, name.span, message));
            }
            self.full = true;
            return 0;
        }
        let bit = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        self.labels.push(name.value.clone());
        self.bits.insert(name.value.clone(), bit);
        1_u64.checked_shl(bit).unwrap_or(0)
    }

    /// Warns of labels in ceilings that no action has. `used` are the effects of all actions.
    pub(super) fn warn_unused(&self, used: EffectSet, diagnostics: &mut Diagnostics) {
        for (label, span) in &self.bounded {
            let bit = self.bits.get(label).and_then(|bit| 1_u64.checked_shl(*bit)).unwrap_or(0);
            let well_known = WELL_KNOWN.iter().any(|(name, _)| name == label);
            if bit & used.0 == 0 && !well_known {
                let carried = self.labels.iter().filter(|other| {
                    self.bits.get(*other).and_then(|bit| 1_u64.checked_shl(*bit)).unwrap_or(0) & used.0 != 0
                });
                let near = did_you_mean(label, carried.map(String::as_str));
                diagnostics.push(
                    Diagnostic::new(Code::UnusedEffect, *span, format!("no action has the effect `{label}`"))
                        .maybe_help(near),
                );
            }
        }
    }

    /// The labels in order of their bits.
    pub(super) fn into_labels(self) -> Vec<String> {
        self.labels
    }
}

fn is_label(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= crate::syntax::limits::MAX_NAME_BYTES
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
