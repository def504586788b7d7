//! What comes of many records.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::again::Again;
use crate::record::Record;

/// Which way a decision changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Way {
    /// It did not pass, and would.
    Allowed,
    /// It passed, and would not.
    Denied,
    /// It passes or not as before, for another reason.
    Otherwise,
}

/// What decisions have in common that change in the same way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Reason {
    pub(super) way: Way,
    /// `SERVICE/ACTION`
    pub(super) action: String,
    pub(super) caller: String,
    /// Code, and who limits it.
    pub(super) before: String,
    pub(super) after: String,
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which of the logs.
    pub(super) log: usize,
    pub(super) line: usize,
}

/// Decisions that change for one reason.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) decisions: u64,
    pub(super) first: Example,
}

/// A decision that changes.
#[derive(Clone, Debug)]
pub(super) struct Example {
    pub(super) place: Place,
    pub(super) id: String,
    /// Unix seconds.
    pub(super) time: u64,
    /// What was asked.
    pub(super) key: String,
}

/// What came of all records.
#[derive(Debug, Default)]
pub(super) struct Tally {
    changes: HashMap<Reason, Group>,
    pub(super) same: u64,
    /// How many hang on what they do not have, by action.
    pub(super) open: BTreeMap<String, u64>,
    pub(super) unjudged: u64,
    /// How many are of workloads that serve nothing any more, by workload.
    pub(super) gone: BTreeMap<String, u64>,
    /// Lines that look like a record and are none that is read.
    pub(super) unread: u64,
    pub(super) first_unread: Option<(Place, String)>,
    /// How many decisions the filter says that it did not record.
    pub(super) dropped: u64,
}

impl Tally {
    pub(super) fn add(&mut self, place: Place, record: &Record<'_>, again: Again) {
        self.dropped = self.dropped.saturating_add(record.dropped);
        let count = |counts: &mut BTreeMap<String, u64>, name: Option<&str>| {
            let count = counts.entry(name.unwrap_or("?").to_owned()).or_default();
            *count = count.saturating_add(1);
        };
        match again {
            Again::Same => self.same = self.same.saturating_add(1),
            Again::Open => count(&mut self.open, record.action.as_deref()),
            Again::Unjudged => self.unjudged = self.unjudged.saturating_add(1),
            Again::Gone => count(&mut self.gone, record.workload.as_deref()),
            Again::Other(reason) => {
                let example = || Example {
                    place,
                    id: record.id.clone().into_owned(),
                    time: record.time,
                    key: record.key.as_deref().unwrap_or_default().to_owned(),
                };
                match self.changes.get_mut(&reason) {
                    Some(group) => {
                        group.decisions = group.decisions.saturating_add(1);
                        if place < group.first.place {
                            group.first = example();
                        }
                    }
                    None => {
                        self.changes.insert(reason, Group { decisions: 1, first: example() });
                    }
                }
            }
        }
    }

    pub(super) fn add_unread(&mut self, place: Place, error: String) {
        self.unread = self.unread.saturating_add(1);
        if self.first_unread.as_ref().is_none_or(|(first, _)| place < *first) {
            self.first_unread = Some((place, error));
        }
    }

    /// Adds what came of other records. The order in which that is done changes nothing.
    pub(super) fn merge(&mut self, other: Self) {
        for (reason, group) in other.changes {
            match self.changes.get_mut(&reason) {
                Some(known) => {
                    known.decisions = known.decisions.saturating_add(group.decisions);
                    if group.first.place < known.first.place {
                        known.first = group.first;
                    }
                }
                None => {
                    self.changes.insert(reason, group);
                }
            }
        }
        for (counts, others) in [(&mut self.open, other.open), (&mut self.gone, other.gone)] {
            for (name, more) in others {
                let count = counts.entry(name).or_default();
                *count = count.saturating_add(more);
            }
        }
        self.same = self.same.saturating_add(other.same);
        self.unjudged = self.unjudged.saturating_add(other.unjudged);
        self.unread = self.unread.saturating_add(other.unread);
        self.dropped = self.dropped.saturating_add(other.dropped);
        if let Some((place, error)) = other.first_unread
            && self.first_unread.as_ref().is_none_or(|(first, _)| place < *first)
        {
            self.first_unread = Some((place, error));
        }
    }

    /// What changes, by the way it does, the most frequent first.
    pub(super) fn changes(&self) -> Vec<(&Reason, &Group)> {
        let mut changes: Vec<_> = self.changes.iter().collect();
        changes.sort_by(|(one, group), (other, others)| {
            (one.way, others.decisions, *one).cmp(&(other.way, group.decisions, *other))
        });
        changes
    }

    /// How many decisions change in a way.
    pub(super) fn decisions(&self, way: Way) -> u64 {
        let of = self.changes.iter().filter(|(reason, _)| reason.way == way);
        of.map(|(_, group)| group.decisions).fold(0, u64::saturating_add)
    }

    /// How many are open.
    pub(super) fn open(&self) -> u64 {
        self.open.values().copied().fold(0, u64::saturating_add)
    }

    /// How many are of workloads that serve nothing any more.
    pub(super) fn gone(&self) -> u64 {
        self.gone.values().copied().fold(0, u64::saturating_add)
    }

    /// How many records there were.
    pub(super) fn records(&self) -> u64 {
        let changed = [Way::Allowed, Way::Denied, Way::Otherwise].map(|way| self.decisions(way));
        let others = [self.same, self.open(), self.unjudged, self.gone()];
        changed.into_iter().chain(others).fold(0, u64::saturating_add)
    }
}

impl Place {
    /// `FILE:LINE`
    pub(super) fn written(self, logs: &[PathBuf]) -> String {
        let name = logs.get(self.log).map_or_else(|| String::from("?"), |log| crate::log::name(log));
        format!("{name}:{}", self.line)
    }
}
