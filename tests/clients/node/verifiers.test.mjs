// What senders.mjs prints, verifiers.mjs accepts; a changed byte, a wrong secret or nothing at all it does not.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { signers } from "./signers.mjs";

const script = (name) => fileURLToPath(new URL(name, import.meta.url));

function run(name, args, input = "") {
  const { status, stdout } = spawnSync(process.execPath, [script(name), ...args], { input, encoding: "utf8", maxBuffer: 1 << 26 });
  return { status, lines: stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line)) };
}

for (const provider of Object.keys(signers)) {
  test(`${provider}: sent is verified, changed is not`, () => {
    const sent = run("senders.mjs", [provider, "--count", "6"]);
    assert.equal(sent.status, 0);
    assert.equal(sent.lines.length, 6);
    const received = sent.lines.map(({ headers, body_base64, secret }, n) => {
      const message = { id: `m${n}`, headers, body: body_base64, body_encoding: "base64", received_at: new Date().toISOString() };
      return { message, secret };
    });
    const lines = (list) => list.map((one) => JSON.stringify(one)).join("\n");
    const good = run("verifiers.mjs", [provider], lines(received));
    assert.deepEqual(good, { status: 0, lines: received.map(({ message }) => ({ id: message.id, ok: true })) });

    const changed = structuredClone(received);
    const bytes = Buffer.from(changed[2].message.body, "base64");
    bytes[bytes.length >> 1] ^= 1;
    changed[2].message.body = bytes.toString("base64");
    changed[4].secret = "whsec_" + Buffer.from("another fixture").toString("base64");
    changed[5].message.body_truncated = true;
    const bad = run("verifiers.mjs", [provider], lines(changed));
    assert.equal(bad.status, 1);
    assert.deepEqual(bad.lines.map(({ ok }) => ok), [true, true, false, true, false, false]);
    assert.ok(bad.lines.filter(({ ok }) => !ok).every(({ error }) => error.length > 0));
  });
}

test("verifying nothing is a failure, an unknown provider an error of usage", () => {
  assert.equal(run("verifiers.mjs", ["github"]).status, 1);
  assert.equal(run("verifiers.mjs", ["bogus"]).status, 2);
  assert.equal(run("senders.mjs", ["bogus"]).status, 2);
  assert.equal(run("senders.mjs", ["github", "--count", "0"]).status, 2);
});

test("github's samples are varied, and delivery ids are never repeated", () => {
  const { lines } = run("senders.mjs", ["github", "--count", "400"]);
  assert.equal(new Set(lines.map(({ headers }) => headers["x-github-delivery"])).size, 400);
  assert.ok(new Set(lines.slice(0, 58).map(({ headers }) => headers["x-github-event"])).size === 58);
});
