"""An MCP server on the official SDK, of either major version.

Prints its port, then a line of JSON for each call that reaches it.
"""

import asyncio
import json
import socket
import sys

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

try:
    from mcp.server.mcpserver import Context, MCPServer

    IS_2 = True
except ImportError:
    from mcp.server.fastmcp import Context, FastMCP

    IS_2 = False

JSON_RESPONSE = "json" in sys.argv[1:]
SECURITY = TransportSecuritySettings(allowed_hosts=["tools.local"])

if IS_2:
    server = MCPServer("tools")
else:
    server = FastMCP("tools", json_response=JSON_RESPONSE, transport_security=SECURITY)


def say(kind, **what):
    print(json.dumps({"kind": kind, **what}), flush=True)


@server.tool()
def query(table: str, limit: int = 10) -> str:
    """Reads rows of a table."""
    say("query", table=table, limit=limit)
    return f"{limit} rows of {table}"


@server.tool()
def drop(table: str) -> str:
    """Drops a table."""
    say("drop", table=table)
    return f"dropped {table}"


@server.tool()
async def countdown(steps: int, ctx: Context) -> str:
    """Reports its progress before it answers."""
    say("countdown", steps=steps)
    for step in range(steps):
        await ctx.report_progress(step + 1, steps)
    return "done"


@server.resource("docs://guide")
def guide() -> str:
    say("guide")
    return "read this first"


@server.resource("docs://secret")
def secret() -> str:
    say("secret")
    return "for nobody"


@server.resource("rows://{table}/{row}")
def row(table: str, row: str) -> str:
    say("row", table=table, row=row)
    return f"{table} {row}"


@server.resource("secrets://{name}")
def secrets(name: str) -> str:
    say("secrets", name=name)
    return "for nobody"


@server.prompt()
def scold(name: str) -> str:
    say("scold", name=name)
    return f"Scold {name}."


@server.prompt()
def greet(name: str) -> str:
    say("greet", name=name)
    return f"Greet {name}."


if IS_2:
    app = server.streamable_http_app(json_response=JSON_RESPONSE, transport_security=SECURITY)
else:
    app = server.streamable_http_app()

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(app, log_level="warning")
asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
