//! What was found.

use super::ask::Asked;

/// Which way behaviour changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// It did not pass, and will.
    Allowed,
    /// It passed, and will not.
    Denied,
}

/// What one policy says of the witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// The verdict's code.
    pub(super) code: &'static str,
    /// What exactly is wrong with the request, if that is the reason: a stable word.
    pub(super) detail: Option<&'static str>,
    /// The agent or the mission that limits it.
    pub(super) by: Option<String>,
    /// `FILE:LINE` of the rule that decides.
    pub(super) because: Option<String>,
    /// It is denied, and passes all the same.
    pub(super) is_shadow: bool,
}

/// Requests that one policy lets pass and the other does not, all for one reason.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) way: Way,
    pub(super) service: String,
    pub(super) action: String,
    pub(super) witness: Witness,
    pub(super) before: Said,
    pub(super) after: Said,
    /// How many requests, the witness among them.
    pub(super) requests: u64,
}

/// The first of them: nobody it could do without is in its lineage, and nothing in it that it could do without.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    /// Who asks, in a few words.
    pub(super) who: String,
    pub(super) caller: String,
    pub(super) members: Vec<String>,
    pub(super) mission: Option<String>,
    pub(super) is_stamped: bool,
    pub(super) asked: Asked,
}

/// What was found, and how it was looked for.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Newly allowed, then newly denied, by service and action.
    pub(super) changes: Vec<Change>,
    /// What is different and no request shows, a sentence each.
    pub(super) silent: Vec<String>,
    /// Workloads whose blobs differ, of all.
    pub(super) workloads: (usize, usize),
    /// How many requests were judged by both.
    pub(super) judged: u64,
    /// Actions of which not everything was tried, as `SERVICE/ACTION`.
    pub(super) cut: Vec<String>,
}

impl Change {
    /// Whether another one is there for the same reason: the same action, denied by the same code because of the same one.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let is_same_place =
            (self.way, &self.service, &self.action) == (other.way, &other.service, &other.action);
        let (one, another) = (self.denied(), other.denied());
        let by = |said: &Said, change: &Self| said.by.as_ref().unwrap_or(&change.witness.caller).clone();
        is_same_place && one.code == another.code && by(one, self) == by(another, other)
    }

    /// What the policy says that denies.
    const fn denied(&self) -> &Said {
        match self.way {
            Way::Allowed => &self.before,
            Way::Denied => &self.after,
        }
    }
}

impl Found {
    /// Adds a change, or counts it to one of the same reason.
    pub(super) fn add(&mut self, change: Change) {
        match self.changes.iter_mut().find(|known| known.is_like(&change)) {
            Some(known) => known.requests = known.requests.saturating_add(change.requests),
            None => self.changes.push(change),
        }
    }

    pub(super) fn of(&self, way: Way) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.way == way)
    }

    /// One sentence on how it was looked for.
    pub(super) fn scope(&self) -> String {
        let (changed, all) = self.workloads;
        if changed == 0 {
            return format!("all {all} blobs are the same, so that no request is judged otherwise");
        }
        let cut = match self.cut.len() {
            0 => String::new(),
            1 => String::from("; of 1 action not everything was tried"),
            count => format!("; of {count} actions not everything was tried"),
        };
        format!("{changed} of {all} blobs differ; {} requests were judged by both{cut}", self.judged)
    }
}

impl Way {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        }
    }
}

impl Said {
    /// `not-granted by support (shadow)`
    pub(super) fn words(&self) -> String {
        let mut words = String::from(self.code);
        if let Some(detail) = self.detail {
            words.push_str(&format!(" ({detail})"));
        }
        if let Some(by) = &self.by {
            words.push_str(&format!(" by {by}"));
        }
        if self.is_shadow {
            words.push_str(", and passes in shadow mode");
        }
        words
    }
}

impl Witness {
    /// What is asked, in one line.
    pub(super) fn what(&self) -> String {
        let mut what = self.asked.send.clone();
        for (name, value) in &self.asked.headers {
            what.push_str(&format!(" {name}: {value}"));
        }
        if let Some(args) = &self.asked.args {
            what.push_str(&format!(" {args}"));
        }
        if let Some(address) = &self.asked.address {
            what.push_str(&format!(" from {address}"));
        }
        if let Some(at) = self.asked.at {
            what.push_str(&format!(" at {}", crate::time::show(at)));
        }
        what
    }
}
