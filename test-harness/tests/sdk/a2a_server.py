"""An A2A agent on the official SDK, of either major version: JSON-RPC at `/`, HTTP+JSON at `/rest` from version 1.

Prints its port, then a line of JSON for each message that reaches it.
"""

import asyncio
import json
import socket

import uvicorn
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentSkill, Part, TaskState
from starlette.applications import Starlette

try:
    from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
    from a2a.types import AgentInterface
    from google.protobuf.json_format import MessageToDict

    IS_1 = True
except ImportError:
    from a2a.server.apps import A2AStarletteApplication
    from a2a.types import TextPart
    from a2a.utils import new_task

    IS_1 = False

URL = "http://agent.local"


def say(kind, **what):
    print(json.dumps({"kind": kind, **what}), flush=True)


class Refunds(AgentExecutor):
    """Works on a task in two steps, so that a stream has several events."""

    async def execute(self, context, event_queue):
        message = context.message
        if IS_1:
            from a2a.helpers import new_task_from_user_message

            say("message", parts=[MessageToDict(part) for part in message.parts])
            task = context.current_task or new_task_from_user_message(message)
            states = TaskState.TASK_STATE_WORKING, Part(text="refunded")
        else:
            say("message", parts=[part.root.model_dump(exclude_none=True) for part in message.parts])
            task = context.current_task or new_task(message)
            states = TaskState.working, Part(root=TextPart(text="refunded"))
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        working, part = states
        await updater.update_status(working)
        await updater.add_artifact([part], name="answer")
        await updater.complete()

    async def cancel(self, context, event_queue):
        say("cancel")


COMMON = {
    "name": "refunds",
    "description": "Refunds orders.",
    "version": "1.0.0",
    "capabilities": AgentCapabilities(streaming=True, push_notifications=True),
    "default_input_modes": ["text/plain", "application/json"],
    "default_output_modes": ["text/plain"],
    "skills": [AgentSkill(id="refund", name="refund", description="Refunds an order.", tags=["money"])],
}

if IS_1:
    from a2a.server.tasks import InMemoryPushNotificationConfigStore

    card = AgentCard(
        **COMMON,
        supported_interfaces=[
            AgentInterface(protocol_binding="JSONRPC", url=f"{URL}/", protocol_version="1.0"),
            AgentInterface(protocol_binding="HTTP+JSON", url=f"{URL}/rest", protocol_version="1.0"),
            AgentInterface(protocol_binding="JSONRPC", url=f"{URL}/", protocol_version="0.3"),
        ],
    )
    handler = DefaultRequestHandler(
        Refunds(), InMemoryTaskStore(), card, push_config_store=InMemoryPushNotificationConfigStore()
    )
    app = Starlette(
        routes=[
            *create_agent_card_routes(card),
            *create_rest_routes(handler, path_prefix="/rest"),
            *create_jsonrpc_routes(handler, "/", enable_v0_3_compat=True),
        ]
    )
else:
    card = AgentCard(**COMMON, url=f"{URL}/", preferred_transport="JSONRPC", protocol_version="0.3.0")
    app = A2AStarletteApplication(card, DefaultRequestHandler(Refunds(), InMemoryTaskStore())).build()

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
asyncio.run(uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[listener]))
