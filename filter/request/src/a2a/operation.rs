//! The operations of A2A and their names in each version and binding.

/// What an A2A client asks of an agent, whatever version and binding it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Sends a message.
    MessageSend,
    /// Sends a message and streams what comes of it.
    MessageStream,
    /// Reads a task.
    TasksGet,
    /// Lists tasks.
    TasksList,
    /// Cancels a task.
    TasksCancel,
    /// Streams what happens to a task.
    TasksSubscribe,
    /// Makes the agent call a URL when something happens to a task.
    PushCreate,
    /// Reads such a configuration.
    PushGet,
    /// Lists such configurations.
    PushList,
    /// Deletes such a configuration.
    PushDelete,
    /// Reads the public agent card.
    Card,
    /// Reads the agent card for authenticated clients.
    CardExtended,
}

/// The names of one operation. Versions are 0.3 (specification section 3.5.6) and 1.0 (`a2a.proto`); the
/// JSON-RPC and gRPC names of 1.0 are the same.
struct Names {
    operation: Operation,
    key: &'static str,
    v0_3: &'static str,
    v1_0: &'static str,
    v0_3_grpc: &'static str,
}

const NAMES: &[Names] = &[
    names(Operation::MessageSend, "message.send", "message/send", "SendMessage", "SendMessage"),
    names(
        Operation::MessageStream,
        "message.stream",
        "message/stream",
        "SendStreamingMessage",
        "SendStreamingMessage",
    ),
    names(Operation::TasksGet, "tasks.get", "tasks/get", "GetTask", "GetTask"),
    names(Operation::TasksList, "tasks.list", "tasks/list", "ListTasks", "ListTask"),
    names(Operation::TasksCancel, "tasks.cancel", "tasks/cancel", "CancelTask", "CancelTask"),
    names(
        Operation::TasksSubscribe,
        "tasks.subscribe",
        "tasks/resubscribe",
        "SubscribeToTask",
        "TaskSubscription",
    ),
    names(
        Operation::PushCreate,
        "push.create",
        "tasks/pushNotificationConfig/set",
        "CreateTaskPushNotificationConfig",
        "CreateTaskPushNotificationConfig",
    ),
    names(
        Operation::PushGet,
        "push.get",
        "tasks/pushNotificationConfig/get",
        "GetTaskPushNotificationConfig",
        "GetTaskPushNotificationConfig",
    ),
    names(
        Operation::PushList,
        "push.list",
        "tasks/pushNotificationConfig/list",
        "ListTaskPushNotificationConfigs",
        "ListTaskPushNotificationConfig",
    ),
    names(
        Operation::PushDelete,
        "push.delete",
        "tasks/pushNotificationConfig/delete",
        "DeleteTaskPushNotificationConfig",
        "DeleteTaskPushNotificationConfig",
    ),
    names(
        Operation::CardExtended,
        "card.extended",
        "agent/getAuthenticatedExtendedCard",
        "GetExtendedAgentCard",
        "GetAgentCard",
    ),
];

impl Operation {
    /// The action key.
    #[must_use]
    pub fn key(self) -> &'static str {
        NAMES.iter().find(|names| names.operation == self).map_or("card.get", |names| names.key)
    }

    /// The operation that a JSON-RPC `method` names, in either version.
    #[must_use]
    pub fn of_json_rpc(method: &[u8]) -> Option<Self> {
        let names = |names: &&Names| names.v0_3.as_bytes() == method || names.v1_0.as_bytes() == method;
        NAMES.iter().find(names).map(|names| names.operation)
    }

    /// The operation that a gRPC method names, in either version.
    #[must_use]
    pub fn of_grpc(service: &[u8], method: &[u8]) -> Option<Self> {
        let names = |names: &&Names| match service {
            b"lf.a2a.v1.A2AService" => names.v1_0.as_bytes() == method,
            // 1.0 used this package too until shortly before its release.
            b"a2a.v1.A2AService" => names.v0_3_grpc.as_bytes() == method || names.v1_0.as_bytes() == method,
            _ => false,
        };
        NAMES.iter().find(names).map(|names| names.operation)
    }
}

const fn names(
    operation: Operation,
    key: &'static str,
    v0_3: &'static str,
    v1_0: &'static str,
    v0_3_grpc: &'static str,
) -> Names {
    Names { operation, key, v0_3, v1_0, v0_3_grpc }
}
