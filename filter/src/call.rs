//! One call of the application: it is stamped with the lineage of the request on whose behalf it is made, or judged if it
//! leaves the mesh.

use std::rc::Rc;

use ambit_bytecode::Code;
use ambit_lineage::budget::Holder;
use ambit_lineage::context::Trust;
use ambit_lineage::header::HEADER_NAME;
use ambit_lineage::shared::Unspent;

use crate::decision::Decision;
use crate::destination::Route;
use crate::egress::Leaving;
use crate::head::Pairs;
use crate::host::{self, Action, Level};
use crate::live;
use crate::outbound::{Behalf, Call, Stamped, stays_in_mesh};
use crate::record::DecisionId;
use crate::reply::Reply;
use crate::report::report;
use crate::root::Configured;
use crate::settings::Live;
use crate::telemetry::{self, Event};

/// The longest part of a path that is written to the log.
const MAX_LOGGED_PATH_BYTES: usize = 256;

pub(crate) struct OutboundCall {
    configured: Option<Rc<Configured>>,
    /// Its headers went on. The reply in place of one that may not leave is the host's to send, so that one which does not
    /// would be shown the body next.
    passed: bool,
}

impl OutboundCall {
    pub(crate) const fn new(configured: Option<Rc<Configured>>) -> Self {
        Self { configured, passed: false }
    }

    /// The headers are there.
    pub(crate) fn headers(&mut self) -> Action {
        let stamped = self.stamp();
        self.passed = stamped.is_ok();
        match stamped {
            Ok(()) => Action::Continue,
            Err(Refused::For(code)) => {
                telemetry::count_code(code);
                let id = telemetry::next_decision();
                let facts = format!("verdict=deny code={} id={id}", code.word());
                host::store_record(&facts);
                host::log(Level::Warn, &format!("ambit: call refused: {facts}"));
                host::send_reply(&Reply::deny(code, id), None);
                Action::Pause
            }
            Err(Refused::Egress(decision, id)) => {
                host::send_reply(&Reply::to(&decision, id), None);
                Action::Pause
            }
        }
    }

    /// What comes after the headers: it goes where they went.
    pub(crate) const fn rest(&self) -> Action {
        if self.passed { Action::Continue } else { Action::Pause }
    }

    fn stamp(&self) -> Result<(), Refused> {
        let configured = self.configured.as_ref().ok_or(Code::NoPolicy)?;
        let settings = &configured.settings;
        let pairs = host::request_headers().filter(Pairs::is_whole).ok_or(Code::RequestMalformed)?;
        let call = Call::read(&pairs);
        let live = settings.live.as_ref().ok_or(Code::NoPolicy)?;
        // Asked before any header is changed, which makes the proxy forget the route.
        let leaving = match settings.egress() {
            Some(_) => Leaving::call(settings, &call, &route().ok_or(Code::InternalFault)?),
            None => None,
        };
        let repeats = if live.budgets.is_empty() { &[] } else { call.repeats.as_slice() };
        for name in call.strip.iter().chain(repeats) {
            if !host::remove_request_header(name) {
                // What the application wrote must not arrive as if it had been stamped here.
                return Err(Code::InternalFault.into());
            }
        }
        if let Some(leaving) = &leaving {
            judge(leaving, &call, live)?;
        }
        let stays = leaving.is_none() && stays_in_mesh(call.authority, &live.mesh);
        if !stays && live.budgets.is_empty() {
            return Ok(());
        }
        let stamped = live::lookup(&call.correlation, live.trust(), |answer| call.stamp(answer, live));
        match stamped.unwrap_or(Stamped::Denied(Code::InternalFault)) {
            Stamped::Denied(code) => Err(code.into()),
            Stamped::With { value, lost, due } => {
                if !due.is_empty() {
                    spend(&call, live, &due)?;
                }
                if !stays {
                    return Ok(());
                }
                if let Some(lineages) = lost {
                    telemetry::count_event(Event::LostLineage);
                    log_lost(&call, lineages);
                }
                if host::add_request_header(HEADER_NAME.as_bytes(), &value) {
                    Ok(())
                } else {
                    Err(Code::InternalFault.into())
                }
            }
        }
    }
}

/// Why a call is refused.
enum Refused {
    /// For this reason, which is not written down yet.
    For(Code),
    /// It leaves the mesh, and may not; that is written down.
    Egress(Box<Decision>, DecisionId),
}

impl From<Code> for Refused {
    fn from(code: Code) -> Self {
        Self::For(code)
    }
}

/// How the proxy routes the call. If it does not say, a name may be that of another place than the one it goes to.
fn route() -> Option<Route> {
    let cluster = host::cluster_name()?;
    let original = if Route::passes_through(&cluster) { host::destination_address() } else { Vec::new() };
    Some(Route { cluster, original })
}

/// Judges a call that leaves the mesh.
fn judge(leaving: &Leaving<'_>, call: &Call<'_>, live: &Live) -> Result<(), Refused> {
    let (decision, lost) = judged(leaving, call, live.trust(), live);
    if let Some(lineages) = lost {
        telemetry::count_event(Event::LostLineage);
        log_lost(call, lineages);
    }
    if decision.verdict.allows() {
        telemetry::count(&decision.verdict);
        return Ok(());
    }
    let id = report(&decision, Some(leaving.policy), Some(leaving));
    if decision.verdict.passes() { Ok(()) } else { Err(Refused::Egress(Box::new(decision), id)) }
}

/// Judges what leaves the mesh, on behalf of whom the table says, and says how many lineages were merged if it is not known
/// of which.
pub(crate) fn judged(
    leaving: &Leaving<'_>,
    call: &Call<'_>,
    trust: Trust,
    live: &Live,
) -> (Decision, Option<u32>) {
    let now = live::now_s();
    let judged = live::lookup(&call.correlation, trust, |answer| match call.behalf(answer, live) {
        Ok(Behalf { lineage, lost }) => (leaving.judge(Ok(&lineage), now), lost),
        Err(code) => (leaving.judge(Err(code), now), None),
    });
    judged.unwrap_or_else(|| (leaving.judge(Err(Code::InternalFault), now), None))
}

/// Counts the call, last of all that may refuse it.
fn spend(call: &Call<'_>, live: &Live, due: &[usize]) -> Result<(), Code> {
    let budgets = live.budgets_at(due);
    match live::spend(&call.correlation, live.trust(), &budgets) {
        Ok(()) => Ok(()),
        Err(Unspent::Refused(_)) => Err(Code::LineageUnavailable),
        Err(Unspent::Exhausted { place, part }) => {
            let holder = match budgets.get(place) {
                Some((Holder::Mission(mission), _)) => mission.as_str(),
                _ => "agent",
            };
            let enforced = !live.shadow;
            let line = format!(
                "ambit: budget used up: {} holder={holder} part={} enforced={enforced}",
                shown(call),
                part.word()
            );
            host::log(Level::Warn, &line);
            if enforced {
                return Err(Code::BudgetExhausted);
            }
            telemetry::count_code(Code::BudgetExhausted);
            telemetry::count_event(Event::Shadow);
            Ok(())
        }
    }
}

/// Names the call, so that its propagation can be fixed.
fn log_lost(call: &Call<'_>, lineages: u32) {
    host::store_record("lineage=lost");
    let line = format!(
        "ambit: lineage lost: {} carries no id of a live request; it is limited by all that is live ({lineages} lineages)",
        shown(call)
    );
    host::log(Level::Warn, &line);
}

/// The call, for the log.
fn shown(call: &Call<'_>) -> String {
    let path = call.path.split(|byte| *byte == b'?').next().unwrap_or_default();
    let path = path.get(..MAX_LOGGED_PATH_BYTES).unwrap_or(path);
    format!("{} {}{}", call.method.escape_ascii(), call.authority.escape_ascii(), path.escape_ascii())
}
