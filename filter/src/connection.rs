//! One connection of the application, which is judged by the server name that its client asks for, and by its address.
//!
//! Both are known when it comes, so it is judged then, before anything upstream is connected to; a protocol in which the
//! server speaks first works. It is judged once more when the application first sends something, since it may have been
//! opened before the request came on whose behalf it is used.

use std::rc::Rc;

use ambit_bytecode::Code;
use ambit_lineage::context::Trust;

use crate::call::judged;
use crate::destination::Ends;
use crate::egress::Leaving;
use crate::host::{self, Action, Level};
use crate::outbound::Call;
use crate::report::report;
use crate::root::Configured;
use crate::telemetry;

pub(crate) struct Connection {
    configured: Option<Rc<Configured>>,
    state: State,
}

enum State {
    /// It is not open, or not any more.
    Closed,
    /// It may be opened, and nothing was sent.
    Open(Ends),
    /// Whatever is sent may pass.
    Passed,
}

/// What comes of a judgement.
enum Judged {
    /// It stays in the mesh, or may pass whatever the verdict.
    Free,
    /// It may pass, as of now.
    Allowed,
    Denied,
}

impl Connection {
    pub(crate) const fn new(configured: Option<Rc<Configured>>) -> Self {
        Self { configured, state: State::Closed }
    }

    /// The application has connected.
    pub(crate) fn connected(&mut self) -> Action {
        let Some(server_name) = host::server_name() else { return self.close() };
        let ends = Ends { server_name, address: host::destination_address() };
        match self.judge(&ends, true) {
            Judged::Free => self.pass(),
            Judged::Allowed => {
                self.state = State::Open(ends);
                Action::Continue
            }
            Judged::Denied => self.close(),
        }
    }

    /// The application has sent something.
    pub(crate) fn data(&mut self) -> Action {
        match &self.state {
            State::Passed => Action::Continue,
            State::Closed => Action::Pause,
            State::Open(ends) => match self.judge(ends, false) {
                Judged::Free | Judged::Allowed => self.pass(),
                Judged::Denied => self.close(),
            },
        }
    }

    fn pass(&mut self) -> Action {
        self.state = State::Passed;
        Action::Continue
    }

    fn close(&mut self) -> Action {
        self.state = State::Closed;
        host::close_downstream();
        Action::Pause
    }

    /// An allow is counted when it comes first.
    fn judge(&self, ends: &Ends, is_first: bool) -> Judged {
        let settings = self.configured.as_ref().map(|configured| &configured.settings);
        let live = settings.and_then(|settings| settings.live.as_ref());
        let (Some(settings), Some(live)) = (settings.filter(|settings| settings.egress().is_some()), live)
        else {
            telemetry::count_code(Code::NoPolicy);
            host::log(Level::Warn, "ambit: connection refused: code=no-policy");
            return Judged::Denied;
        };
        let Some(leaving) = Leaving::connection(settings, ends) else { return Judged::Free };
        // A connection says nothing of the request that it is made for: everything that is live limits it.
        let (decision, _) = judged(&leaving, &Call::default(), Trust::Nothing, live);
        if !decision.verdict.allows() {
            report(&decision, Some(leaving.policy), Some(&leaving));
        } else if is_first {
            telemetry::count(&decision.verdict);
        }
        match (decision.verdict.allows(), decision.verdict.passes()) {
            (true, _) => Judged::Allowed,
            (false, true) => Judged::Free,
            (false, false) => Judged::Denied,
        }
    }
}
