//! The HTTP+JSON binding.
//!
//! 1.0: the `google.api.http` options of `a2a.proto`, each also below a tenant. 0.3: the same below `/v1`
//! (specification section 3.5.6), with `/v1/card` for the extended card.

use super::{A2aError, Operation};
use crate::path::CanonicalPath;

/// An operation that a method and a path name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest<'p> {
    /// What is asked.
    pub operation: Operation,
    /// The tenant before the resource.
    pub tenant: Option<&'p [u8]>,
    /// The task it is about.
    pub task: Option<&'p [u8]>,
    /// The push notification configuration it is about.
    pub push: Option<&'p [u8]>,
}

/// The longest path: tenant, `tasks`, task, `pushNotificationConfigs`, configuration, after `v1`.
const MAX_SEGMENTS: usize = 6;

impl<'p> Rest<'p> {
    /// Reads a request to an agent whose interface is at `base`, such as `/a2a`; empty for the root.
    ///
    /// # Errors
    /// [`A2aError::UnknownMethod`] if the path and method are none of the binding, and
    /// [`A2aError::Ambiguous`] if they are two: `/tasks/tasks` is a task, or all tasks of a tenant.
    pub fn read(http_method: &[u8], path: &CanonicalPath<'p>, base: &[u8]) -> Result<Self, A2aError> {
        let below = path.as_bytes().strip_prefix(base);
        let is_card =
            |path: &[u8]| matches!(path, b"/.well-known/agent-card.json" | b"/.well-known/agent.json");
        if http_method == b"GET" && (is_card(path.as_bytes()) || below.is_some_and(is_card)) {
            return Ok(Self { operation: Operation::Card, tenant: None, task: None, push: None });
        }
        let below = below.and_then(|below| below.strip_prefix(b"/")).ok_or(A2aError::UnknownMethod)?;
        let mut segments: [&[u8]; MAX_SEGMENTS] = [b""; MAX_SEGMENTS];
        let mut parts = below.split(|&byte| byte == b'/');
        let mut count: usize = 0;
        for (segment, part) in segments.iter_mut().zip(&mut parts) {
            *segment = part;
            count = count.saturating_add(1);
        }
        let segments = segments.get(..count).unwrap_or_default();
        if parts.next().is_some() || segments.iter().any(|segment| segment.is_empty()) {
            return Err(A2aError::UnknownMethod);
        }
        let (segments, is_v1) = match segments {
            [b"v1", rest @ ..] => (rest, true),
            _ => (segments, false),
        };
        let plain = Self::resource(http_method, segments, is_v1);
        let below_tenant = segments.split_first().and_then(|(tenant, rest)| {
            let found = Self::resource(http_method, rest, is_v1)?;
            Some(Self { tenant: Some(*tenant), ..found })
        });
        match (plain, below_tenant) {
            (Some(_), Some(_)) => Err(A2aError::Ambiguous),
            (Some(found), None) | (None, Some(found)) => Ok(found),
            (None, None) => Err(A2aError::UnknownMethod),
        }
    }

    /// Reads a request to an agent whose interface may be at any base.
    ///
    /// # Errors
    /// As [`Rest::read`]; it is [`A2aError::Ambiguous`] too if different bases give different operations.
    pub fn read_anywhere(http_method: &[u8], path: &CanonicalPath<'p>) -> Result<Self, A2aError> {
        let whole = path.as_bytes();
        let slashes = whole.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let mut found: Result<Self, _> = Err(A2aError::UnknownMethod);
        for base in slashes.take(MAX_SEGMENTS).filter_map(|at| whole.get(..at)) {
            found = match (found, Self::read(http_method, path, base)) {
                (found, Err(A2aError::UnknownMethod)) => found,
                (Ok(one), Ok(other)) if one.operation != other.operation => return Err(A2aError::Ambiguous),
                (Ok(one), Ok(_)) => Ok(one),
                (_, Ok(one)) => Ok(one),
                (_, Err(error)) => return Err(error),
            };
        }
        found
    }

    fn resource(http_method: &[u8], segments: &[&'p [u8]], is_v1: bool) -> Option<Self> {
        let (operation, task, push) = match (http_method, segments) {
            (b"POST", [b"message:send"]) => (Operation::MessageSend, None, None),
            (b"POST", [b"message:stream"]) => (Operation::MessageStream, None, None),
            (b"GET", [b"extendedAgentCard"]) => (Operation::CardExtended, None, None),
            (b"GET", [b"card"]) if is_v1 => (Operation::CardExtended, None, None),
            (b"GET", [b"tasks"]) => (Operation::TasksList, None, None),
            (b"GET" | b"POST", [b"tasks", task]) => match verb(task) {
                Some((task, b":subscribe")) => (Operation::TasksSubscribe, Some(task), None),
                Some((task, b":cancel")) if http_method == b"POST" => {
                    (Operation::TasksCancel, Some(task), None)
                }
                _ if http_method == b"GET" => (Operation::TasksGet, Some(*task), None),
                _ => return None,
            },
            (b"POST", [b"tasks", task, b"pushNotificationConfigs"]) => {
                (Operation::PushCreate, Some(*task), None)
            }
            (b"GET", [b"tasks", task, b"pushNotificationConfigs"]) => {
                (Operation::PushList, Some(*task), None)
            }
            (b"GET", [b"tasks", task, b"pushNotificationConfigs", push]) => {
                (Operation::PushGet, Some(*task), Some(*push))
            }
            (b"DELETE", [b"tasks", task, b"pushNotificationConfigs", push]) => {
                (Operation::PushDelete, Some(*task), Some(*push))
            }
            _ => return None,
        };
        Some(Self { operation, tenant: None, task, push })
    }
}

/// The part of a segment before its last colon, which is not empty, and the rest.
fn verb(segment: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = segment.iter().rposition(|&byte| byte == b':').filter(|&at| at > 0)?;
    segment.split_at_checked(at)
}
