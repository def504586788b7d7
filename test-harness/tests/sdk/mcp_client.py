"""An MCP client on the official SDK, of either major version.

Usage: mcp_client.py URL MODE, with steps as lines of JSON on standard input: ["call", TOOL, ARGUMENTS], ["tools"],
["prompts"], ["resources"], ["templates"], ["read", URI], ["prompt", NAME, ARGUMENTS]. Prints what comes of connecting
and of each step as lines of JSON.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack

import anyio

URL, MODE = sys.argv[1:3]
STEP_SECONDS = 20


def text_of(result):
    return "".join(getattr(part, "text", "") for part in result)


async def connect(stack):
    """The session, the version that was agreed on, and how a call is told to report progress."""
    try:
        from mcp import Client
    except ImportError:
        from mcp import ClientSession
        from mcp.client.streamable_http import streamable_http_client

        read, write, _ = await stack.enter_async_context(streamable_http_client(URL))
        session = await stack.enter_async_context(ClientSession(read, write))
        agreed = await session.initialize()
        return session, agreed.protocolVersion
    client = await stack.enter_async_context(Client(URL, mode=MODE))
    return client, client.protocol_version


async def step(session, kind, *arguments):
    if kind == "tools":
        return [tool.name for tool in (await session.list_tools()).tools]
    if kind == "prompts":
        return [prompt.name for prompt in (await session.list_prompts()).prompts]
    if kind == "resources":
        return [str(resource.uri) for resource in (await session.list_resources()).resources]
    if kind == "templates":
        found = await session.list_resource_templates()
        listed = found.resource_templates if hasattr(found, "resource_templates") else found.resourceTemplates
        return [getattr(one, "uri_template", None) or one.uriTemplate for one in listed]
    if kind == "call":
        progress = []

        async def report(done, total, _message):
            progress.append([done, total])

        name, values = arguments
        result = await session.call_tool(name, values, progress_callback=report)
        return {"text": text_of(result.content), "progress": progress}
    if kind == "read":
        (uri,) = arguments
        return text_of((await session.read_resource(uri)).contents)
    if kind == "prompt":
        name, values = arguments
        messages = (await session.get_prompt(name, values)).messages
        return text_of(message.content for message in messages)
    raise ValueError(kind)


def describe(error):
    while isinstance(error, BaseExceptionGroup) if sys.version_info >= (3, 11) else hasattr(error, "exceptions"):
        error = error.exceptions[0]
    found = getattr(error, "error", None)
    return {
        "type": type(error).__name__,
        "message": str(error),
        "code": getattr(found, "code", None),
        "data": getattr(found, "data", None),
    }


async def main():
    steps = [json.loads(line) for line in sys.stdin if line.strip()]
    async with AsyncExitStack() as stack:
        session, version = await connect(stack)
        print(json.dumps({"connected": version}), flush=True)
        for one in steps:
            try:
                with anyio.fail_after(STEP_SECONDS):
                    outcome = {"ok": await step(session, *one)}
            except Exception as error:
                outcome = {"error": describe(error)}
            print(json.dumps(outcome), flush=True)
    print(json.dumps({"closed": True}), flush=True)


try:
    asyncio.run(main())
except BaseException as error:
    print(json.dumps({"failed": describe(error)}), flush=True)
