// A driver for the official TypeScript MCP SDKs.
//
//   node mcp_client.mjs [flags] http <url> <api-key>
//   node mcp_client.mjs [flags] --oauth <client-id>:<secret> http <url>
//   node mcp_client.mjs [flags] stdio <command> [args...]
//
//   --sdk client|sdk     client (default): @modelcontextprotocol/client 2, both revisions;
//                        sdk: @modelcontextprotocol/sdk 1, what most installed agents have, 2025-11-25 only
//   --protocol V         2025-11-25, 2026-07-28, or auto (default): what the SDK and server settle on.
//                        Anything but V negotiated is an error.
//   --oauth ID:SECRET    no key: ask the issuer that the server's refusal leads to, by client credentials
//   --header "N: v"      an extra HTTP header, e.g. Doorbell-Folder; repeatable
//
// stdin, as JSON lines, each a step or a list of steps, run in order as they are read:
//   {"list_tools": true}
//   {"call": "issue_webhook", "arguments": {...}, "save": {"url": "url", "first": "messages.0.id"}}
// `save` keeps parts of structuredContent, by dotted path; an argument that is exactly "$url" becomes
// the kept value. stdout, a JSON line each: first {protocolVersion, serverInfo, instructions, capabilities},
// then per step {tools: [...]} or {structuredContent, isError, text}, or {error: {code, message, status}} where
// there was a protocol error or the SDK found the result at odds with the tool's output schema;
// status is HTTP's, where a refusal had one. Nothing but an {error} is printed when connecting failed.
// Exit 0: connected and no {error}. 1: some {error}. 2: called wrongly.

import { createInterface } from "node:readline";

const USAGE = 'usage: mcp_client.mjs [--sdk client|sdk] [--protocol V] [--header "N: v"]... http <url> <api-key> | [...] --oauth ID:SECRET http <url> | stdio <command...>';
const VERSIONS = ["auto", "2025-11-25", "2026-07-28"];

function parse(argv) {
  const flags = { sdk: "client", protocol: "auto", headers: {} };
  let rest = argv;
  for (; rest[0]?.startsWith("--"); rest = rest.slice(2)) {
    const [flag, value = ""] = rest;
    if (flag === "--sdk" && ["client", "sdk"].includes(value)) flags.sdk = value;
    else if (flag === "--protocol" && VERSIONS.includes(value)) flags.protocol = value;
    else if (flag === "--oauth" && value.includes(":")) flags.oauth = value.split(":");
    else if (flag === "--header" && value.includes(":")) {
      const colon = value.indexOf(":");
      flags.headers[value.slice(0, colon).trim()] = value.slice(colon + 1).trim();
    } else return null;
  }
  const [mode, ...target] = rest;
  if (mode === "http" ? target.length !== (flags.oauth ? 1 : 2) : mode !== "stdio" || target.length < 1) return null;
  return { ...flags, mode, target };
}

/** The client and transport classes: the two SDKs differ in where these live and how a revision is chosen. */
async function load({ sdk, protocol }) {
  if (sdk === "client") {
    const { Client, ClientCredentialsProvider, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
    const { StdioClientTransport } = await import("@modelcontextprotocol/client/stdio");
    const mode = { auto: "auto", "2025-11-25": "legacy" }[protocol] ?? { pin: protocol };
    return { Client, ClientCredentialsProvider, StreamableHTTPClientTransport, StdioClientTransport, options: { versionNegotiation: { mode } } };
  }
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
  const { ClientCredentialsProvider } = await import("@modelcontextprotocol/sdk/client/auth-extensions.js");
  return { Client, ClientCredentialsProvider, StreamableHTTPClientTransport, StdioClientTransport, options: {} };
}

async function connect(asked) {
  const { Client, ClientCredentialsProvider, StreamableHTTPClientTransport, StdioClientTransport, options } = await load(asked);
  const { mode, target } = asked;
  let transport;
  if (mode === "http") {
    const [clientId, clientSecret] = asked.oauth ?? [];
    const shown = asked.oauth ? {} : { Authorization: `Bearer ${target[1]}` };
    const authProvider = asked.oauth && new ClientCredentialsProvider({ clientId, clientSecret });
    const requestInit = { headers: { ...asked.headers, ...shown } };
    transport = new StreamableHTTPClientTransport(new URL(target[0]), { requestInit, authProvider });
  } else {
    // The SDKs pass on a few variables only; the server under test is told where things are by DOORBELL_*.
    transport = new StdioClientTransport({ command: target[0], args: target.slice(1), env: process.env, stderr: "inherit" });
  }
  // SDK 1 tells the negotiated version to its transport alone.
  let told;
  const tell = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (version) => ((told = version), tell?.(version));
  const client = new Client({ name: "doorbell-e2e", version: "0" }, options);
  await client.connect(transport);
  const protocolVersion = client.getNegotiatedProtocolVersion?.() ?? told;
  if (asked.protocol !== "auto" && asked.protocol !== protocolVersion) {
    await client.close();
    throw new Error(`asked for ${asked.protocol}, negotiated ${protocolVersion}`);
  }
  return { client, protocolVersion };
}

async function listTools(client) {
  const tools = [];
  let cursor;
  do {
    const page = await client.listTools(cursor ? { cursor } : undefined);
    tools.push(...page.tools);
    cursor = page.nextCursor;
  } while (cursor);
  return tools;
}

function substitute(value, saved) {
  if (typeof value === "string" && value.startsWith("$")) {
    if (!Object.hasOwn(saved, value.slice(1))) throw new Error(`nothing is saved as ${value}`);
    return saved[value.slice(1)];
  }
  if (Array.isArray(value)) return value.map((item) => substitute(item, saved));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substitute(item, saved)]));
}

async function run(client, step, saved) {
  if (step.list_tools) return { tools: await listTools(client) };
  if (typeof step.call !== "string") throw new Error("a step is {call} or {list_tools}");
  const result = await client.callTool({ name: step.call, arguments: substitute(step.arguments ?? {}, saved) });
  for (const [name, path] of Object.entries(step.save ?? {})) {
    saved[name] = path.split(".").reduce((value, key) => value?.[key], result.structuredContent);
    if (saved[name] === undefined) throw new Error(`no ${path} in the result to save`);
  }
  const text = result.content.filter((part) => part.type === "text").map((part) => part.text).join("\n");
  return { structuredContent: result.structuredContent ?? null, isError: result.isError ?? false, text };
}

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
function failure(error) {
  const status = error.constructor.name === "StreamableHTTPError" ? error.code : error.status; // SDK 1, SDK 2
  return { error: { code: error.code ?? null, message: String(error.message), status: status ?? null } };
}

async function main(argv) {
  const asked = parse(argv);
  if (!asked) {
    console.error(USAGE);
    return 2;
  }
  let client, protocolVersion;
  try {
    ({ client, protocolVersion } = await connect(asked));
    await listTools(client); // so that the SDK has the output schemas and checks every result
  } catch (error) {
    say(failure(error));
    await client?.close();
    return 1;
  }
  say({
    protocolVersion,
    serverInfo: client.getServerVersion() ?? null,
    instructions: client.getInstructions() ?? null,
    capabilities: client.getServerCapabilities() ?? null,
  });
  let code = 0;
  const saved = {};
  for await (const line of createInterface({ input: process.stdin })) {
    if (!line.trim()) continue;
    for (const step of [JSON.parse(line)].flat()) {
      try {
        say(await run(client, step, saved));
      } catch (error) {
        code = 1;
        say(failure(error));
      }
    }
  }
  await client.close();
  return code;
}

process.exitCode = await main(process.argv.slice(2));
