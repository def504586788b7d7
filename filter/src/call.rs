//! One call of the application: it is stamped with the lineage of the request on whose behalf it is made.

use std::rc::Rc;

use ambit_bytecode::Code;
use ambit_lineage::budget::Holder;
use ambit_lineage::header::HEADER_NAME;
use ambit_lineage::shared::Unspent;

use crate::host::{self, Action, Level};
use crate::live;
use crate::outbound::{Call, Stamped, stays_in_mesh};
use crate::reply::Reply;
use crate::root::Configured;
use crate::settings::Live;
use crate::telemetry::{self, Event};

/// The longest part of a path that is written to the log.
const MAX_LOGGED_PATH_BYTES: usize = 256;

pub(crate) struct OutboundCall {
    configured: Option<Rc<Configured>>,
}

impl OutboundCall {
    pub(crate) const fn new(configured: Option<Rc<Configured>>) -> Self {
        Self { configured }
    }

    /// The headers are there.
    pub(crate) fn headers(&self) -> Action {
        match self.stamp() {
            Ok(()) => Action::Continue,
            Err(code) => {
                telemetry::count_code(code);
                let id = telemetry::next_decision();
                host::log(Level::Warn, &format!("ambit: call refused: code={} id={id}", code.word()));
                host::send_reply(&Reply::deny(code, id), None);
                Action::Pause
            }
        }
    }

    fn stamp(&self) -> Result<(), Code> {
        let configured = self.configured.as_ref().ok_or(Code::NoPolicy)?;
        let pairs = host::request_headers().ok_or(Code::RequestMalformed)?;
        let call = Call::read(&pairs);
        let live = configured.settings.live.as_ref().ok_or(Code::NoPolicy)?;
        let repeats = if live.budgets.is_empty() { &[] } else { call.repeats.as_slice() };
        for name in call.strip.iter().chain(repeats) {
            if !host::remove_request_header(name) {
                // What the application wrote must not arrive as if it had been stamped here.
                return Err(Code::InternalFault);
            }
        }
        let stays = stays_in_mesh(call.authority, &live.mesh);
        if !stays && live.budgets.is_empty() {
            return Ok(());
        }
        let stamped = live::lookup(&call.correlation, live.trust(), |answer| call.stamp(answer, live));
        match stamped.unwrap_or(Stamped::Denied(Code::InternalFault)) {
            Stamped::Denied(code) => Err(code),
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
                    Err(Code::InternalFault)
                }
            }
        }
    }
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
