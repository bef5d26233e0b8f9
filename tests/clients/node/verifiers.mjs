// node verifiers.mjs <provider>
//
// Reads JSON lines {message, secret}, the message as an agent received it (CONTRACT, section 4), and
// verifies each with the provider's own library. Prints {id, ok, error?} lines. Exits 1 when any
// failed or none was given. Standard Webhooks' and Linear's libraries know only this machine's clock
// (300 s and 60 s), so run it soon after sending; the others are told the moment of arrival.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { LinearWebhookClient } from "@linear/sdk/webhooks";
import { verify as verifyGithub } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";

const { verifySlackRequest } = createRequire(import.meta.url)("@slack/bolt");

/** The exact bytes that arrived. */
export function bodyOf(message) {
  if (message.body_truncated) throw new Error("the body is truncated");
  if (message.body_encoding !== "utf-8" && message.body_encoding !== "base64") throw new Error("no body_encoding");
  return Buffer.from(message.body, message.body_encoding === "base64" ? "base64" : "utf8");
}

/** Each throws unless the provider's library finds the signature good. */
export const verifiers = {
  async github({ headers }, body, secret) {
    const good = await verifyGithub(secret, body.toString(), headers["x-hub-signature-256"] ?? "");
    if (!good) throw new Error("octokit: signature mismatch");
  },
  async stripe({ headers, received_at }, body, secret) {
    Stripe.webhooks.constructEvent(body, headers["stripe-signature"], secret, 300, undefined, Date.parse(received_at));
  },
  async slack({ headers, received_at }, body, secret) {
    const asTyped = { ...headers, "x-slack-request-timestamp": Number(headers["x-slack-request-timestamp"]) };
    const nowMilliseconds = Date.parse(received_at);
    verifySlackRequest({ signingSecret: secret, headers: asTyped, body: body.toString(), nowMilliseconds });
  },
  async linear({ headers }, body, secret) {
    new LinearWebhookClient(secret).verify(body, headers["linear-signature"]);
  },
  async "standard-webhooks"({ headers }, body, secret) {
    new Webhook(secret).verify(body, headers);
  },
};

async function main([provider, ...rest]) {
  if (rest.length || !Object.hasOwn(verifiers, provider ?? "")) {
    console.error(`usage: node verifiers.mjs <${Object.keys(verifiers).join("|")}> < messages.jsonl`);
    return 2;
  }
  let seen = 0;
  let failed = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    if (!line.trim()) continue;
    seen++;
    const { message, secret } = JSON.parse(line);
    try {
      await verifiers[provider](message, bodyOf(message), secret);
      console.log(JSON.stringify({ id: message.id, ok: true }));
    } catch (error) {
      failed++;
      console.log(JSON.stringify({ id: message.id, ok: false, error: error.message }));
    }
  }
  return seen > 0 && failed === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = await main(process.argv.slice(2));
