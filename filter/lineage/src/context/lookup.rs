//! The question that the table answers: on whose behalf is this call made?

use super::{Groups, Table, small};
use crate::correlation::Ids;
use crate::header;
use crate::lineage::{Lineage, Overflow};
use crate::name::RootId;

/// Whether correlation ids may select among what is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// They may: the application is trusted to hand on the id of the request it works for. One that does
    /// not can choose among the lineages that are live in its pod.
    Ids,
    /// They may not: every call is limited by everything that is live.
    Nothing,
}

/// On whose behalf a call is made. The lineages are as they are to be stamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'t> {
    /// On no one's: nothing is live. The caller decides whether the agent may originate.
    Root,
    /// On behalf of the contexts that have the call's id.
    Found(Lineage<'t>),
    /// On behalf of some of what is live, and it is not known of which, or not to be believed.
    Merged {
        /// The merge of everything that is live.
        lineage: Lineage<'t>,
        /// The number of different lineages in it. With one, nothing is lost but the root id.
        lineages: u32,
        /// The number of contexts whose response has not ended.
        contexts: u32,
    },
    /// On behalf of more than one lineage can hold: deny.
    Overflow(Overflow),
    /// It is not known what is live, because the shared table was damaged a moment ago and its workers
    /// have not all spoken since: deny.
    Quarantine,
    /// The shared table cannot be reached: deny.
    Unavailable,
}

impl Table {
    /// On whose behalf a call with `ids` is made at `now_ms`.
    pub(crate) fn lookup(&self, ids: &Ids, trust: Trust, now_ms: u64) -> Answer<'_> {
        let clock_ms = self.clock_at(now_ms);
        if self.quarantine_until_ms > clock_ms {
            return Answer::Quarantine;
        }
        let active = self.active(clock_ms);
        if active.is_empty() {
            return Answer::Root;
        }
        if trust == Trust::Ids
            && let Some(answer) = self.find(ids, active, clock_ms)
        {
            return answer;
        }
        match self.merge(active) {
            Ok(mut lineage) => {
                lineage.set_root(self.only_root(active, clock_ms));
                Answer::Merged { lineage, lineages: active.len(), contexts: self.live_count() }
            }
            Err(overflow) => Answer::Overflow(overflow),
        }
    }

    /// The contexts that have one of `ids`; `None` if none is listed.
    fn find(&self, ids: &Ids, active: Groups, clock_ms: u64) -> Option<Answer<'_>> {
        let mut listed_groups = Groups::default();
        let mut root = Root::Unknown;
        for listed in self.listed.iter().filter(|listed| listed.state.limits_at(clock_ms)) {
            if listed.ids.as_slice().iter().any(|id| ids.as_slice().contains(id)) {
                listed_groups.insert(listed.group);
                root = root.and(listed.root.as_deref());
            }
        }
        if listed_groups.is_empty() {
            return None;
        }
        let mut groups = listed_groups;
        for (place, group) in self.groups.iter().enumerate().filter(|(place, _)| active.has_place(*place)) {
            let knows = |tag| ids.as_slice().iter().any(|id| self.filter.has(*id, tag));
            if group.as_ref().is_some_and(|group| knows(group.tag)) {
                groups.insert(small(place));
            }
        }
        Some(match self.merge(groups) {
            Ok(mut lineage) => {
                if groups.without(listed_groups).is_empty() {
                    lineage.set_root(root.id());
                }
                Answer::Found(lineage)
            }
            Err(overflow) => Answer::Overflow(overflow),
        })
    }

    fn merge(&self, groups: Groups) -> Result<Lineage<'_>, Overflow> {
        let mut merged: Option<Lineage<'_>> = None;
        for place in (0_u8..32).filter(|place| groups.has(*place)) {
            let group = self.groups.get(usize::from(place)).and_then(Option::as_ref);
            // A lineage that cannot be carried had too many members.
            let bytes = group.and_then(|group| group.lineage.as_deref()).ok_or(Overflow::Members)?;
            let lineage = header::parse(bytes).map_err(|_| Overflow::Members)?;
            merged = Some(match merged {
                None => lineage,
                Some(merged) => merged.merge(&lineage)?,
            });
        }
        merged.ok_or(Overflow::Members)
    }

    /// The root id of the one context that there is.
    fn only_root(&self, active: Groups, clock_ms: u64) -> Option<RootId<'_>> {
        let [listed] = self.listed.as_slice() else { return None };
        let group = self.groups.get(usize::from(listed.group))?.as_ref()?;
        let is_alone = active.len() == 1 && self.crowds.is_empty() && group.ended_until_ms <= clock_ms;
        RootId::parse(listed.root.as_deref().filter(|_| is_alone)?.as_bytes())
    }

    fn live_count(&self) -> u32 {
        let listed = self.listed.iter().filter(|listed| listed.state.is_live()).count();
        let listed = u32::try_from(listed).unwrap_or(u32::MAX);
        self.crowds.iter().fold(listed, |sum, crowd| sum.saturating_add(crowd.count))
    }
}

/// The root ids of several contexts.
#[derive(Clone, Copy)]
enum Root<'t> {
    Unknown,
    One(&'t str),
    Several,
}

impl<'t> Root<'t> {
    fn and(self, other: Option<&'t str>) -> Self {
        match (self, other) {
            (Self::Unknown, Some(id)) => Self::One(id),
            (Self::One(id), Some(other)) if id == other => Self::One(id),
            _ => Self::Several,
        }
    }

    fn id(self) -> Option<RootId<'t>> {
        match self {
            Self::One(id) => RootId::parse(id.as_bytes()),
            Self::Unknown | Self::Several => None,
        }
    }
}
