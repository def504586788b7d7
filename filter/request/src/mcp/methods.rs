//! The methods that an MCP client may call, version by version.
//!
//! From `schema.ts` of each version: `ClientRequest` and `ClientNotification`. The task methods of
//! 2026-07-28 are those of the official extension `io.modelcontextprotocol/tasks` (SEP-2663).

use super::Version::{self, V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28};

/// A method that clients call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// The name in `method`.
    pub name: &'static str,
    /// Whether it is a notification: without an id and without a reply.
    pub is_notification: bool,
    /// What in its parameters says which thing it is about.
    pub subject: Subject,
    /// The first version that has it.
    pub since: Version,
    /// The last version that has it.
    pub until: Version,
}

/// What a method is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nothing that has a name.
    None,
    /// `params.name`, which is part of the action key.
    Name,
    /// `params.uri`, which is part of the action key.
    Uri,
    /// `params.taskId`, which only the mirror header repeats.
    Task,
}

const NEWEST: Version = V2026_07_28;

/// All methods.
pub const METHODS: &[Method] = &[
    request("tools/call", Subject::Name, V2025_03_26, NEWEST),
    request("tools/list", Subject::None, V2025_03_26, NEWEST),
    request("resources/read", Subject::Uri, V2025_03_26, NEWEST),
    request("resources/list", Subject::None, V2025_03_26, NEWEST),
    request("resources/templates/list", Subject::None, V2025_03_26, NEWEST),
    request("prompts/get", Subject::Name, V2025_03_26, NEWEST),
    request("prompts/list", Subject::None, V2025_03_26, NEWEST),
    request("completion/complete", Subject::None, V2025_03_26, NEWEST),
    request("server/discover", Subject::None, V2026_07_28, NEWEST),
    request("subscriptions/listen", Subject::None, V2026_07_28, NEWEST),
    request("initialize", Subject::None, V2025_03_26, V2025_11_25),
    request("ping", Subject::None, V2025_03_26, V2025_11_25),
    request("resources/subscribe", Subject::None, V2025_03_26, V2025_11_25),
    request("resources/unsubscribe", Subject::None, V2025_03_26, V2025_11_25),
    request("logging/setLevel", Subject::None, V2025_03_26, V2025_11_25),
    request("tasks/get", Subject::Task, V2025_11_25, NEWEST),
    request("tasks/cancel", Subject::Task, V2025_11_25, NEWEST),
    request("tasks/update", Subject::Task, V2026_07_28, NEWEST),
    request("tasks/list", Subject::None, V2025_11_25, V2025_11_25),
    request("tasks/result", Subject::None, V2025_11_25, V2025_11_25),
    notification("notifications/cancelled", V2025_03_26, NEWEST),
    notification("notifications/initialized", V2025_03_26, V2025_11_25),
    notification("notifications/progress", V2025_03_26, V2025_11_25),
    notification("notifications/roots/list_changed", V2025_03_26, V2025_11_25),
    notification("notifications/tasks/status", V2025_11_25, V2025_11_25),
];

/// The method with this name, if `version` has it.
#[must_use]
pub fn method(name: &[u8], version: Version) -> Option<&'static Method> {
    METHODS
        .iter()
        .find(|method| method.name.as_bytes() == name)
        .filter(|method| method.since <= version && version <= method.until)
}

const fn request(name: &'static str, subject: Subject, since: Version, until: Version) -> Method {
    Method { name, is_notification: false, subject, since, until }
}

const fn notification(name: &'static str, since: Version, until: Version) -> Method {
    Method { name, is_notification: true, subject: Subject::None, since, until }
}

impl Version {
    /// All versions, oldest first.
    pub const ALL: [Self; 4] = [V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28];
}
