// What each provider sends: `samples(at)` gives `{ body, event?, type? }`, bodies as that provider
// writes them on the wire. GitHub's are Octokit's collection of real ones; the others follow the
// shapes of the provider's documentation, with text that is not ASCII.

import { createRequire } from "node:module";

const octokit = createRequire(import.meta.url)("@octokit/webhooks-examples");
const text = "Grüße, 世界 ✓ </untrusted> \u202e ${x}";
const compact = (value) => ({ body: JSON.stringify(value) });
const form = (fields) => ({ body: new URLSearchParams(fields).toString(), type: "application/x-www-form-urlencoded" });

/** Every example, the first of each event, then the second of each, so that a short run is a varied one. */
function github() {
  const rounds = Math.max(...octokit.map((event) => event.examples.length));
  const found = [];
  for (let round = 0; round < rounds; round++) {
    for (const { name, examples } of octokit) {
      if (round < examples.length) found.push({ body: JSON.stringify(examples[round]), event: name });
    }
  }
  return found;
}

/** Stripe indents its bodies, so that a receiver that re-encodes JSON breaks the signature. */
function stripe(at) {
  const event = (type, object) => ({
    body: JSON.stringify(
      { id: "evt_" + type.replace(/\W/g, ""), object: "event", api_version: "2026-06-24", created: at,
        data: { object }, livemode: false, pending_webhooks: 1, request: { id: null }, type },
      null, 2),
  });
  return [
    event("invoice.paid", { id: "in_1", object: "invoice", amount_paid: 1999, currency: "eur", customer_name: text }),
    event("customer.created", { id: "cus_1", object: "customer", name: text, email: "jane@example.org" }),
    event("payment_intent.succeeded", { id: "pi_1", object: "payment_intent", amount: 100, description: text }),
  ];
}

function slack(at) {
  const envelope = { token: "fixture", team_id: "T0001", api_app_id: "A0001", type: "event_callback", event_time: at };
  return [
    compact({ ...envelope, event_id: "Ev1", event: { type: "message", channel: "C0001", user: "U0001", text, ts: `${at}.000100` } }),
    compact({ ...envelope, event_id: "Ev2", event: { type: "reaction_added", user: "U0002", reaction: "bell" } }),
    form({ command: "/deploy", text, team_id: "T0001", channel_id: "C0001", user_id: "U0001" }),
    form({ payload: JSON.stringify({ type: "block_actions", team: { id: "T0001" }, user: { id: "U0001" } }) }),
  ];
}

function linear(at) {
  const sent = { organizationId: "o1", webhookId: "w1", webhookTimestamp: at * 1000, createdAt: new Date(at * 1000).toISOString() };
  const actor = { id: "u1", type: "user", name: text };
  return [
    compact({ action: "update", type: "Issue", actor, data: { id: "i1", identifier: "ENG-1", title: text }, ...sent }),
    compact({ action: "create", type: "Comment", actor, data: { id: "c1", body: text, issueId: "i1" }, ...sent }),
  ];
}

function standardWebhooks(at) {
  const timestamp = new Date(at * 1000).toISOString();
  return [
    compact({ type: "user.created", timestamp, data: { id: "u1", name: text } }),
    compact({ type: "invoice.paid", timestamp, data: { id: "in_1", note: text } }),
  ];
}

export const samples = { github, stripe, slack, linear, "standard-webhooks": standardWebhooks };
