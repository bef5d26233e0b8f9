// A test message: posted to a webhook of ours as a sender would, and marked as a test.

import { get, post, Refusal } from "./api.js";
import { open } from "./dialog.js";
import { fresh, h, show, tell } from "./dom.js";
import { plain } from "./text.js";

const SAMPLE = '{"hello":"doorbell"}';

/** Sends one; what its sender would have read. */
export function send(grant, body = SAMPLE, type = "application/json") {
  return post("v1/test_messages", { grant_id: grant, body, headers: { "content-type": type } });
}

/** What became of it, in words; with a way to it. */
export function outcome(reply, away) {
  if (reply.error !== undefined) return h("p", { class: "said", role: "alert" }, `${reply.status}: ${reply.error.message}`);
  const link = h("a", { href: `#/messages/${reply.message_id}`, on: { click: away } }, "Look at it");
  return h("p", { role: "status" }, `Answered ${reply.status}. `, link);
}

/** Opens the form for one webhook. */
export function sendTest(token) {
  open("Send a test", (dialog) => {
    const id = fresh("body");
    const body = h("textarea", { id, rows: "6", spellcheck: "false", class: "code", "aria-describedby": `${id}-hint` });
    body.value = SAMPLE;
    const said = h("div", {});
    const submit = h("button", { type: "submit", class: "primary", autofocus: true }, "Send");
    const go = async (event) => {
      event.preventDefault();
      submit.disabled = true;
      try {
        const json = /^\s*[[{"]/.test(body.value);
        const reply = await send(token.grant_id, body.value, json ? "application/json" : "text/plain");
        show(said, outcome(reply, () => dialog.close()));
        tell(`Answered ${reply.status}.`);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        show(said, h("p", { class: "said", role: "alert" }, error.message));
      } finally {
        submit.disabled = false;
      }
    };
    return h(
      "form",
      { on: { submit: go } },
      h("p", { class: "field" }, h("label", { for: id }, "Body"), body, h("small", { id: `${id}-hint` }, `It goes to ${plain(token.jid)} by the way that every request takes, and counts against the URL's rate. The agent sees that it is a test.`)),
      said,
      h("p", { class: "actions" }, h("button", { type: "button", on: { click: () => dialog.close() } }, "Close"), submit),
    );
  });
}

/** The webhooks in reach, to choose from. */
export async function webhooks() {
  const { folders } = await get("v1/folders");
  return folders.flatMap((entry) => entry.tokens).filter((token) => token.jid.startsWith("hook:"));
}
