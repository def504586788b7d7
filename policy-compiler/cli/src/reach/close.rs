//! The smallest change of policy that closes a path.

use std::collections::{BTreeSet, HashMap};

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

/// How many of the paths that can be caused hang on each thing that a change may take away.
pub(crate) struct Closings<'r, 'p> {
    reach: &'r Reach<'p>,
    by_rule: HashMap<RuleId, usize>,
    by_call: HashMap<(usize, usize), usize>,
    /// By action and an agent on the way.
    by_member: HashMap<(usize, usize), usize>,
}

impl<'r, 'p> Closings<'r, 'p> {
    pub(crate) fn of(reach: &'r Reach<'p>) -> Self {
        let mut closings =
            Self { reach, by_rule: HashMap::new(), by_call: HashMap::new(), by_member: HashMap::new() };
        for path in reach.paths.iter().filter(|path| path.is_reached()) {
            for rule in path.rules.iter().collect::<BTreeSet<_>>() {
                count(&mut closings.by_rule, *rule);
            }
            for pair in path.way.windows(2) {
                let [from, to] = pair else { continue };
                count(&mut closings.by_call, (*from, *to));
            }
            for agent in &path.way {
                count(&mut closings.by_member, (path.action, *agent));
            }
        }
        closings
    }

    /// The change that closes a path and takes the least else away.
    pub(crate) fn closing(&self, path: &Path) -> Closing {
        let hangs = |count: Option<&usize>| count.copied().unwrap_or(0);
        // What only closed paths hang on is no way to close this one.
        let itself = usize::from(path.is_reached());
        // A grant of a member before the caller is the smallest thing to take away, if nothing else hangs on it.
        let lonely = path.rules.iter().find(|rule| hangs(self.by_rule.get(rule)) == itself);
        if let Some(rule) = lonely {
            return Closing::Remove(*rule);
        }
        for pair in path.way.windows(2) {
            let [from, to] = pair else { continue };
            let agent = self.reach.policy.agents.get(*from);
            let named = agent.and_then(|agent| agent.delegates.to.as_ref());
            let is_named = named.is_some_and(|named| !named.is_empty());
            if is_named && hangs(self.by_call.get(&(*from, *to))) == itself {
                return Closing::Undelegate { from: *from, to: *to };
            }
        }
        let same = hangs(self.by_member.get(&(path.action, path.origin())));
        Closing::Deny(same.saturating_sub(itself))
    }
}

fn count<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}
