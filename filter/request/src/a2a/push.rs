//! URLs that a request makes the agent call later.
//!
//! A push notification configuration names a URL to which the agent will send what happens to a task. To
//! the mesh that is egress on behalf of the caller, so the filter checks it as a destination.

use alloc::vec::Vec;

use crate::extract::{Document, FieldId, SelectionBuilder, SelectionError, Step, Value};

use super::{A2aError, Binding};

/// Where the URLs are, for one binding.
#[derive(Clone, Debug)]
pub struct PushFields {
    urls: Vec<FieldId>,
}

/// In the parameters of any operation that takes one, in any version; versions before 1.0 nest deeper.
const PLACES: &[&[&str]] = &[
    // 1.0: SendMessage, CreateTaskPushNotificationConfig.
    &["configuration", "taskPushNotificationConfig", "url"],
    &["url"],
    // 0.3: message/send, tasks/pushNotificationConfig/set.
    &["configuration", "pushNotificationConfig", "url"],
    &["pushNotificationConfig", "url"],
    // 0.3, Protobuf names: SendMessage, CreateTaskPushNotificationConfig with and without its wrapper.
    &["configuration", "pushNotification", "url"],
    &["config", "pushNotificationConfig", "url"],
    &["config", "url"],
    // 0.2: message/send.
    &["pushNotification", "url"],
];

impl PushFields {
    /// Selects the places where URLs may be.
    ///
    /// # Errors
    /// A [`SelectionError`] if the selection is full.
    pub fn select(selection: &mut SelectionBuilder, binding: Binding) -> Result<Self, SelectionError> {
        let prefix = match binding {
            Binding::JsonRpc => Some(Step::Key("params")),
            Binding::Rest => None,
        };
        let path = |place: &[&'static str]| -> Vec<Step<'static>> {
            prefix.into_iter().chain(place.iter().map(|key| Step::Key(key))).collect()
        };
        let urls = PLACES.iter().map(|place| selection.field(&path(place))).collect::<Result<_, _>>()?;
        Ok(Self { urls })
    }

    /// The URLs that a request makes the agent call; all of them must be allowed destinations.
    ///
    /// An item is [`A2aError::PushUrl`] if a URL is there but no string that could be read.
    pub fn urls<'f>(&self, message: &Document<'f>) -> impl Iterator<Item = Result<&'f [u8], A2aError>> {
        let message = *message;
        self.urls.iter().filter_map(move |field| match message.value(*field) {
            // Protobuf's JSON form takes `null` for absent and the empty string for the default.
            Value::Absent | Value::Null | Value::Text(b"") => None,
            Value::Text(url) => Some(Ok(url)),
            _ => Some(Err(A2aError::PushUrl)),
        })
    }
}
