//! This VM's part in the table of live contexts: which requests are being served in the pod, and on whose behalf.
//!
//! There is one part a VM, whatever the number of configurations in it, so that an update of policy forgets nothing
//! (`ambit_lineage::shared`). The table itself is shared with the other workers through the host's map.

use core::cell::{Cell, RefCell};

use ambit_lineage::budget::{Budget, Holder};
use ambit_lineage::context::{Answer, Trust};
use ambit_lineage::correlation::Correlation;
use ambit_lineage::header::{self, HEADER_NAME};
use ambit_lineage::limits::TICK_MS;
use ambit_lineage::secret::Secret;
use ambit_lineage::shared::{Contexts, Refused, Ticket, Unspent};
use ambit_lineage::{Lineage, Principal};

use crate::host::{self, Level, SharedMap};
use crate::inbound::{Inbound, Peer};
use crate::settings::Live;

struct Part {
    secret: [u8; 16],
    contexts: Contexts,
    ticked_ms: u64,
}

thread_local! {
    static PART: RefCell<Option<Part>> = const { RefCell::new(None) };
    /// Milliseconds since the Unix epoch as of the last tick of any configuration.
    static NOW_MS: Cell<u64> = const { Cell::new(0) };
}

/// The time as of the last tick, in milliseconds since the Unix epoch: neither validity nor windows need it finer,
/// and a host call for every request would be dear.
pub(crate) fn now_ms() -> u64 {
    NOW_MS.with(Cell::get)
}

/// The same in seconds, as policy has it.
pub(crate) fn now_s() -> u64 {
    now_ms().checked_div(1_000).unwrap_or(0)
}

/// Reads the clock. To be called on every tick and when a configuration begins.
pub(crate) fn read_clock() {
    NOW_MS.with(|now| now.set(host::now_ns().checked_div(1_000_000).unwrap_or(0)));
}

/// Takes up a configuration. Another secret is another table: what was live under the former one is not seen from
/// here any more, which is why a secret outlives policies.
pub(crate) fn configure(live: &Live) -> Result<(), Refused> {
    with(|part| {
        let is_same = part.as_ref().is_some_and(|part| part.secret == live.secret);
        if !is_same {
            let contexts = Contexts::new(Secret::new(live.secret));
            *part = Some(Part { secret: live.secret, contexts, ticked_ms: 0 });
        }
        let Some(part) = part else { return Err(Refused::Store) };
        part.contexts.set_window(live.window_ms);
        part.contexts.install(&mut SharedMap, now_ms())
    })
    .unwrap_or(Err(Refused::Store))
}

/// Begins the context of a request that goes on to the application. There is none without a peer, whom nothing but
/// shadow mode lets pass.
pub(crate) fn remember(inbound: &Inbound, stamps: bool) -> Result<Option<Ticket>, Refused> {
    let Peer::San(san) = &inbound.peer else { return Ok(None) };
    let Some(peer) = Principal::parse(san) else { return Ok(None) };
    let mut correlation = Correlation::default();
    let mut stated = None;
    for (name, value) in inbound.pairs.iter() {
        if name == HEADER_NAME.as_bytes() {
            stated = header::parse(value).ok();
        } else {
            correlation.header(name, value);
        }
    }
    let lineage = stated.unwrap_or(Lineage::root(None));
    let lineage = if stamps { lineage } else { lineage.claimed() };
    with(|part| {
        let contexts = &mut part.as_mut().ok_or(Refused::Store)?.contexts;
        let ids = contexts.ids(&correlation);
        contexts.begin(&mut SharedMap, &ids, peer, &lineage, now_ms()).map(Some)
    })
    .unwrap_or(Err(Refused::Store))
}

/// Ends a context: its response is over.
pub(crate) fn end(ticket: Ticket) {
    let _ = with(|part| {
        if let Some(part) = part {
            part.contexts.end(&mut SharedMap, ticket, now_ms());
        }
    });
}

/// Hands `then` on whose behalf a call is made; not if that cannot be asked now.
pub(crate) fn lookup<T>(
    correlation: &Correlation<'_>,
    trust: Trust,
    then: impl Fn(Answer<'_>) -> T,
) -> Option<T> {
    let mut result = None;
    answer(correlation, trust, &mut |answer| result = Some(then(answer)));
    result
}

fn answer(correlation: &Correlation<'_>, trust: Trust, then: &mut dyn FnMut(Answer<'_>)) {
    let _ = with(|part| match part {
        Some(part) => {
            let ids = part.contexts.ids(correlation);
            then(part.contexts.lookup(&mut SharedMap, &ids, trust, now_ms()));
        }
        None => then(Answer::Unavailable),
    });
}

/// Counts a call for its budgets, or for none of them if one is used up.
pub(crate) fn spend(
    correlation: &Correlation<'_>,
    trust: Trust,
    budgets: &[(Holder<'_>, Budget)],
) -> Result<(), Unspent> {
    with(|part| {
        let contexts = &mut part.as_mut().ok_or(Unspent::Refused(Refused::Store))?.contexts;
        let ids = contexts.ids(correlation);
        contexts.spend(&mut SharedMap, &ids, trust, budgets, now_ms())
    })
    .unwrap_or(Err(Unspent::Refused(Refused::Store)))
}

/// Looks after the table, as often as it wants, whatever the number of configurations that tick.
pub(crate) fn tick() {
    let _ = with(|part| {
        let Some(part) = part else { return };
        let now = now_ms();
        if now.abs_diff(part.ticked_ms) < TICK_MS {
            return;
        }
        part.ticked_ms = now;
        if let Err(refused) = part.contexts.tick(&mut SharedMap, now) {
            host::log(Level::Error, &format!("ambit: the table of live requests: code={}", refused.word()));
        }
        let events = part.contexts.take_events();
        if events.damage > 0 {
            let line = format!(
                "ambit: the table of live requests was damaged {} times: another plugin?",
                events.damage
            );
            host::log(Level::Error, &line);
        }
    });
}

/// The part, unless it is in use: a host that called back into the VM while it waits for a host call would find it so.
fn with<T>(use_it: impl FnOnce(&mut Option<Part>) -> T) -> Option<T> {
    PART.with(|part| part.try_borrow_mut().ok().map(|mut part| use_it(&mut part)))
}
