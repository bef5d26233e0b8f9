"""A driver for the official Python MCP SDK, the twin of ../node/mcp_client.mjs.

    mcp_client.py [--protocol V] [--header "N: v"]... http <url> <api-key>
    mcp_client.py [--protocol V] stdio <command> [args...]

--protocol: 2025-11-25, 2026-07-28, or auto (default). Anything but V negotiated is an error.
The steps on stdin, the lines on stdout and the exit codes are described in mcp_client.mjs.
"""

import argparse
import json
import os
import sys

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

VERSIONS = ["auto", "2025-11-25", "2026-07-28"]
# Longer than a receive_messages may wait (50 s), as the SDK's own default for reads is.
TIMEOUT = httpx2.Timeout(30, read=70)


def say(value):
    print(json.dumps(value, ensure_ascii=False), flush=True)


# The SDK's errors do not carry HTTP's status, so the last response that was an error is kept here.
refusals = []


async def note(response):
    if response.status_code >= 400:
        refusals[:] = [response.status_code]


def failure(error):
    while len(getattr(error, "exceptions", ())) == 1:  # what a task group wraps around it
        error = error.exceptions[0]
    code = error.code if isinstance(error, MCPError) else None
    status = refusals.pop() if refusals else None
    return {"error": {"code": code, "message": str(error) or type(error).__name__, "status": status}}


def plain(model):
    return None if model is None else model.model_dump(mode="json", by_alias=True, exclude_none=True)


async def list_tools(client):
    tools, cursor = [], None
    while True:
        page = await client.list_tools(cursor=cursor)
        tools += [plain(tool) for tool in page.tools]
        cursor = page.next_cursor
        if not cursor:
            return tools


def substitute(value, saved):
    if isinstance(value, str) and value.startswith("$"):
        return saved[value[1:]]
    if isinstance(value, list):
        return [substitute(item, saved) for item in value]
    if isinstance(value, dict):
        return {key: substitute(item, saved) for key, item in value.items()}
    return value


async def run(client, step, saved):
    if step.get("list_tools"):
        return {"tools": await list_tools(client)}
    result = await client.call_tool(step["call"], substitute(step.get("arguments", {}), saved))
    for name, path in step.get("save", {}).items():
        value = result.structured_content
        for key in path.split("."):
            value = value[int(key)] if isinstance(value, list) else value[key]
        saved[name] = value
    text = "\n".join(part.text for part in result.content if part.type == "text")
    return {"structuredContent": result.structured_content, "isError": bool(result.is_error), "text": text}


async def drive(client, protocol):
    if protocol not in ("auto", client.protocol_version):
        raise ValueError(f"asked for {protocol}, negotiated {client.protocol_version}")
    await list_tools(client)  # so that the SDK has the output schemas and checks every result
    say(
        {
            "protocolVersion": client.protocol_version,
            "serverInfo": plain(client.server_info),
            "instructions": client.instructions,
            "capabilities": plain(client.server_capabilities),
        }
    )
    code, saved = 0, {}
    async for line in anyio.wrap_file(sys.stdin):
        if not line.strip():
            continue
        steps = json.loads(line)
        for step in steps if isinstance(steps, list) else [steps]:
            try:
                say(await run(client, step, saved))
            except Exception as error:  # whatever went wrong is this step's answer
                code = 1
                say(failure(error))
    return code


async def main(args):
    # "auto" asks the server what it is and so learns its name and instructions, which a pin would not.
    mode = "legacy" if args.protocol == "2025-11-25" else "auto"
    try:
        if args.mode == "stdio":
            server = StdioServerParameters(command=args.target[0], args=args.target[1:], env=dict(os.environ))
            async with Client(server, mode=mode) as client:
                return await drive(client, args.protocol)
        url, key = args.target
        headers = {name.strip(): value.strip() for name, _, value in (h.partition(":") for h in args.header)}
        headers["Authorization"] = f"Bearer {key}"
        async with httpx2.AsyncClient(headers=headers, timeout=TIMEOUT, event_hooks={"response": [note]}) as http:
            async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
                return await drive(client, args.protocol)
    except Exception as error:  # a stranger is refused here; the line says how
        say(failure(error))
        return 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--protocol", choices=VERSIONS, default="auto")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("mode", choices=["http", "stdio"])
    parser.add_argument("target", nargs=argparse.REMAINDER)
    parsed = parser.parse_args()
    if (len(parsed.target) != 2) if parsed.mode == "http" else not parsed.target:
        parser.error("http <url> <api-key> | stdio <command...>")
    sys.exit(anyio.run(main, parsed))
