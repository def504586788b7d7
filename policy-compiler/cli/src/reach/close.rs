//! The smallest change of policy that closes a path.

use ambit_compiler::model::RuleId;

use super::{Path, Reach};

/// A change that closes a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// To remove this grant. Nothing else can be caused by it.
    Remove(RuleId),
    /// To take this agent out of whom that one may hand work to. Nothing else goes that way.
    Undelegate {
        /// The place of who hands work on.
        from: usize,
        /// The place of whom it may not hand it to any more.
        to: usize,
    },
    /// To deny the action to the origin, which loses this many other ways to the same action.
    Deny(usize),
}

/// The change that closes a path and takes the least else away.
pub(crate) fn closing(reach: &Reach<'_>, path: &Path) -> Closing {
    let others = || {
        reach
            .paths
            .iter()
            .filter(|other| other.is_reached() && !(other.way == path.way && other.action == path.action))
    };
    // A grant of a member before the caller is the smallest thing to take away, if nothing else hangs on it.
    let lonely = path.rules.iter().find(|rule| !others().any(|other| other.rules.contains(rule)));
    if let Some(rule) = lonely {
        return Closing::Remove(*rule);
    }
    let goes = |way: &[usize], from: usize, to: usize| way.windows(2).any(|pair| pair == [from, to]);
    for pair in path.way.windows(2) {
        let [from, to] = pair else { continue };
        let is_named = reach
            .policy
            .agents
            .get(*from)
            .is_some_and(|agent| agent.delegates.to.as_ref().is_some_and(|named| !named.is_empty()));
        if is_named && !others().any(|other| goes(&other.way, *from, *to)) {
            return Closing::Undelegate { from: *from, to: *to };
        }
    }
    let same = others().filter(|other| other.action == path.action && other.way.contains(&path.origin()));
    Closing::Deny(same.count())
}
