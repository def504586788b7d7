"""An A2A client on the official SDK, of either major version.

Usage: a2a_client.py URL BINDING, with steps as lines of JSON on standard input: ["send", DATA, ...] and
["stream", DATA, ...] with the data of each part of one message, ["push", DATA, URL], ["get"] for the task that came
of the last message. Prints what comes of reading the agent card and of each step as lines of JSON.
"""

import asyncio
import json
import sys
import uuid

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import Message, Part, Role

try:
    from a2a.helpers import new_data_part
    from a2a.types import GetTaskRequest, SendMessageConfiguration, SendMessageRequest, TaskPushNotificationConfig
    from google.protobuf.json_format import MessageToDict

    IS_1 = True
except ImportError:
    from a2a.types import DataPart, MessageSendConfiguration, PushNotificationConfig, TaskQueryParams

    IS_1 = False

URL, BINDING = sys.argv[1:3]
STEP_SECONDS = 20


class Agent:
    def __init__(self, card):
        self.card = card
        self.task = None

    def client(self, streaming):
        http = httpx.AsyncClient(timeout=STEP_SECONDS)
        if IS_1:
            config = ClientConfig(streaming=streaming, httpx_client=http, supported_protocol_bindings=[BINDING])
        else:
            config = ClientConfig(streaming=streaming, httpx_client=http, supported_transports=[BINDING])
        return ClientFactory(config).create(self.card)

    async def send(self, parts, streaming=False, push=None):
        """The kinds of the events that came."""
        events = []
        if IS_1:
            message = Message(
                role=Role.ROLE_USER, message_id=str(uuid.uuid4()), parts=[new_data_part(data) for data in parts]
            )
            request = SendMessageRequest(message=message)
            if push:
                config = SendMessageConfiguration(task_push_notification_config=TaskPushNotificationConfig(url=push))
                request.configuration.CopyFrom(config)
            async for event in self.client(streaming).send_message(request):
                kind = event.WhichOneof("payload")
                events.append(kind)
                found = getattr(event, kind)
                self.task = getattr(found, "task_id", "") or getattr(found, "id", "") or self.task
            return events
        message = Message(
            role=Role.user,
            message_id=str(uuid.uuid4()),
            parts=[Part(root=DataPart(data=data)) for data in parts],
        )
        config = MessageSendConfiguration(push_notification_config=PushNotificationConfig(url=push)) if push else None
        async for event in self.client(streaming).send_message(message, configuration=config):
            task, update = event if isinstance(event, tuple) else (event, None)
            events.append(type(update or task).__name__)
            self.task = task.id
        return events

    async def get(self):
        if IS_1:
            return MessageToDict(await self.client(False).get_task(GetTaskRequest(id=self.task)))["status"]["state"]
        return (await self.client(False).get_task(TaskQueryParams(id=self.task))).status.state.value

    async def step(self, kind, *arguments):
        if kind == "send":
            return await self.send(arguments)
        if kind == "stream":
            return await self.send(arguments, streaming=True)
        if kind == "push":
            data, url = arguments
            return await self.send([data], push=url)
        if kind == "get":
            return await self.get()
        raise ValueError(kind)


def describe(error):
    return {
        "type": type(error).__name__,
        "message": str(error),
        "code": getattr(getattr(error, "error", None), "code", None),
        "data": getattr(error, "data", None) or getattr(getattr(error, "error", None), "data", None),
    }


async def main():
    steps = [json.loads(line) for line in sys.stdin if line.strip()]
    async with httpx.AsyncClient(timeout=STEP_SECONDS) as http:
        card = await A2ACardResolver(http, URL).get_agent_card()
    print(json.dumps({"connected": card.name}), flush=True)
    agent = Agent(card)
    for one in steps:
        try:
            outcome = {"ok": await asyncio.wait_for(agent.step(*one), STEP_SECONDS)}
        except Exception as error:
            outcome = {"error": describe(error)}
        print(json.dumps(outcome, default=str), flush=True)
    print(json.dumps({"closed": True}), flush=True)


try:
    asyncio.run(main())
except BaseException as error:
    print(json.dumps({"failed": describe(error)}, default=str), flush=True)
