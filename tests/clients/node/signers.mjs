// How each provider signs: `sign(body, { secret, at, id })` gives the headers it would send.
// Their own libraries sign where they can (GitHub, Stripe, Standard Webhooks); Slack and Linear
// publish verifiers only, so those two are signed as documented and checked by verifiers.mjs.
// `body` is a string, `at` a Unix time in seconds, `id` the delivery's id.

import { createHmac, randomUUID } from "node:crypto";
import { sign as signGithub } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";

const hex = (secret, text) => createHmac("sha256", secret).update(text).digest("hex");
const now = () => Math.floor(Date.now() / 1000);
const json = { "content-type": "application/json" };

export const signers = {
  github: {
    secret: "fixture secret of a GitHub webhook",
    async sign(body, { secret = this.secret, id = randomUUID(), event = "push", type = "application/json" } = {}) {
      return {
        "content-type": type,
        "user-agent": "GitHub-Hookshot/fixture",
        accept: "*/*",
        "x-github-event": event,
        "x-github-delivery": id,
        "x-hub-signature-256": await signGithub(secret, body),
      };
    },
  },
  stripe: {
    secret: "fixture secret of a Stripe endpoint",
    async sign(body, { secret = this.secret, at = now() } = {}) {
      const signature = Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp: at });
      return { "content-type": "application/json; charset=utf-8", "user-agent": "Stripe/1.0", "stripe-signature": signature };
    },
  },
  slack: {
    secret: "fixture secret of a Slack app",
    async sign(body, { secret = this.secret, at = now(), type = "application/json" } = {}) {
      const signature = "v0=" + hex(secret, `v0:${at}:${body}`);
      return { "content-type": type, "x-slack-request-timestamp": String(at), "x-slack-signature": signature };
    },
  },
  linear: {
    secret: "fixture secret of a Linear webhook",
    async sign(body, { secret = this.secret, at = now(), id = randomUUID() } = {}) {
      return {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Linear-Webhook",
        "linear-delivery": id,
        "linear-event": "Issue",
        "linear-timestamp": String(at * 1000),
        "linear-signature": hex(secret, body),
      };
    },
  },
  "standard-webhooks": {
    secret: "whsec_" + Buffer.from("fixture secret of nobody").toString("base64"),
    async sign(body, { secret = this.secret, at = now(), id = "msg_" + randomUUID() } = {}) {
      const signature = new Webhook(secret).sign(id, new Date(at * 1000), body);
      return { ...json, "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": signature };
    },
  },
};
