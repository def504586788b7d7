//! One call of the application: it is stamped with the lineage of the request on whose behalf it is made.

use std::rc::Rc;

use ambit_bytecode::Code;
use ambit_lineage::context::Trust;
use ambit_lineage::header::HEADER_NAME;

use crate::host::{self, Action, Level};
use crate::live;
use crate::outbound::{Call, Stamped, stays_in_mesh};
use crate::reply::Reply;
use crate::root::Configured;
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
        for name in &call.strip {
            if !host::remove_request_header(name) {
                // What the application wrote must not arrive as if it had been stamped here.
                return Err(Code::InternalFault);
            }
        }
        if !stays_in_mesh(call.authority, &live.mesh) {
            return Ok(());
        }
        let trust = if live.strict { Trust::Nothing } else { Trust::Ids };
        let stamped = live::lookup(&call.correlation, trust, |answer| call.stamp(answer, trust));
        match stamped.unwrap_or(Stamped::Denied(Code::InternalFault)) {
            Stamped::Denied(code) => Err(code),
            Stamped::With { value, lost } => {
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

/// Names the call, so that its propagation can be fixed.
fn log_lost(call: &Call<'_>, lineages: u32) {
    let path = call.path.split(|byte| *byte == b'?').next().unwrap_or_default();
    let path = path.get(..MAX_LOGGED_PATH_BYTES).unwrap_or(path);
    let line = format!(
        "ambit: lineage lost: {} {}{} carries no id of a live request; it is limited by all that is live ({lineages} lineages)",
        call.method.escape_ascii(),
        call.authority.escape_ascii(),
        path.escape_ascii()
    );
    host::log(Level::Warn, &line);
}
