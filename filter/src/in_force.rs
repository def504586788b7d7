//! Which configuration is in force, where signed policies say which of them is later.
//!
//! A proxy can be handed an older policy after a newer one: by someone who replays it, or because deliveries overtook
//! each other (host facts, 2.4). It cannot be refused: the VM that a proxy tries configurations in knows of none that is
//! in force, so that it would accept what the workers refuse, and the proxy would leave the filter out. So it is
//! accepted, and has no effect: the newer one stays in force.
//!
//! What is remembered is what is in use in this VM. A VM that starts anew takes what it is given.

use core::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::live;
use crate::root::Configured;
use crate::settings::Settings;

thread_local! {
    /// Configurations that are in use, by a root context or by streams that began under one.
    static IN_USE: RefCell<Vec<InUse>> = const { RefCell::new(Vec::new()) };
}

/// A configuration that may be in use still.
struct InUse {
    configured: Weak<Configured>,
    /// What gauges show of its policy, until another takes its place.
    shown: Option<Shown>,
}

/// What gauges show of a policy, the one that is further behind first. Times are in Unix seconds.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shown {
    /// Its generation.
    pub(crate) generation: u64,
    /// Since when this VM has it.
    pub(crate) since: u64,
    /// From when on it denies everything; 0 if it does not.
    pub(crate) until: u64,
}

/// A configuration has an older policy than one that is in use.
pub(crate) struct Superseded {
    /// Its generation.
    pub(crate) generation: u64,
    /// What stays in force.
    pub(crate) by: Rc<Configured>,
}

/// Takes up a configuration, unless one is in force for the same workload and role whose policy is newer and signed by
/// a key that this one trusts, too.
pub(crate) fn admit(fresh: Rc<Configured>) -> Result<Rc<Configured>, Superseded> {
    IN_USE.with(|in_use| {
        let Ok(mut in_use) = in_use.try_borrow_mut() else { return Ok(fresh) };
        in_use.retain(|other| other.configured.strong_count() > 0);
        // Whatever was taken up last for this workload is in force.
        for former in in_use.iter_mut().rev() {
            let Some(by) = former.configured.upgrade() else { continue };
            if is_of_one_place(&fresh.settings, &by.settings) {
                if is_newer(&by.settings, &fresh.settings) {
                    return Err(Superseded { generation: fresh.settings.generation(), by });
                }
                former.shown = None;
                break;
            }
        }
        let shown = fresh.settings.policy.as_ref().map(|policy| {
            let header = policy.program().header();
            Shown { generation: header.generation, since: live::now_s(), until: header.not_after }
        });
        in_use.push(InUse { configured: Rc::downgrade(&fresh), shown });
        Ok(fresh)
    })
}

/// What gauges show of the policy in force; of that which is furthest behind, where several roles of the proxy have one.
pub(crate) fn shown() -> Shown {
    IN_USE.with(|in_use| {
        let mut least = None;
        for other in in_use.try_borrow().iter().flat_map(|in_use| in_use.iter()) {
            if let Some(shown) = other.shown
                && other.configured.strong_count() > 0
                && least.is_none_or(|least| shown < least)
            {
                least = Some(shown);
            }
        }
        least.unwrap_or_default()
    })
}

/// Whether two configurations are for the same role of the same workload.
fn is_of_one_place(one: &Settings, other: &Settings) -> bool {
    match (&one.policy, &other.policy) {
        (Some(policy), Some(of_other)) => {
            one.role == other.role && policy.program().workload() == of_other.program().workload()
        }
        _ => false,
    }
}

/// Whether the policy in force is of a later generation, by the word of someone whom the fresh configuration trusts.
fn is_newer(in_force: &Settings, fresh: &Settings) -> bool {
    match (&in_force.trust, &fresh.trust) {
        (Some(by), Some(trust)) => trust.covers(by) && in_force.generation() > fresh.generation(),
        _ => false,
    }
}
