use std::rc::Rc;
use std::time::Duration;

/// A plugin's configuration: what distinguishes one root context from another in a VM.
pub(super) struct Plugin {
    pub(super) name: String,
    pub(super) root_id: String,
    pub(super) configuration: Vec<u8>,
}

/// A root context that lives in a VM.
pub(super) struct Root {
    pub(super) plugin: Rc<Plugin>,
    /// Streams and connections that began under it and have not ended.
    pub(super) in_flight: usize,
    pub(super) state: RootState,
    pub(super) timer: Option<Timer>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RootState {
    /// New streams begin under it, or could.
    Current,
    /// Another configuration took its place; it lives as long as its streams do.
    Retired,
    /// It said that it is not done, and will call `proxy_done`.
    Finishing,
}

pub(super) struct Timer {
    pub(super) period: Duration,
    pub(super) due: Duration,
}
