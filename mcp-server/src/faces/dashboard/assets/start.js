// What to do first, while nothing has come.

import { post } from "./api.js";
import { line } from "./copy.js";
import { attempt } from "./detail.js";
import { h, show } from "./dom.js";
import { issued } from "./issue.js";
import { send, sendTest, webhooks } from "./test.js";

/** Where a first webhook goes, for whoever has no folder of their own. */
const FOLDER = "demo";
const LABEL = "try";
const DAY = 24 * 3600;

/** Tests a webhook; the one there is, or one that is made for it and ends in a day. */
async function test(me) {
  await attempt(async () => {
    const [token] = await webhooks();
    if (token !== undefined) {
      sendTest(token);
      return;
    }
    const ask = { source_label: LABEL, ttl_seconds: DAY, ...(me.folder === undefined ? { target_folder: FOLDER } : {}) };
    const made = await post("v1/route_tokens/hook", ask);
    await issued(ask, made, await send(made.grant_id));
  });
}

/** `who`: whoever is signed in, once that is known. `issue` opens the form of a webhook. */
export function start(who, issue) {
  const page = h("div", { class: "start" });
  who.then(
    (me) => {
      const folder = me.folder ?? FOLDER;
      const { mint = `doorbell token issue ${folder} ${LABEL}`, mcp = `doorbell mcp --folder ${folder}` } = me.commands ?? {};
      const button = (name, click, kind = "") => h("button", { type: "button", class: kind, on: { click } }, name);
      show(
        page,
        h("h2", {}, "No messages yet."),
        me.warning ? h("p", { class: "warn" }, me.warning) : null,
        h(
          "ol",
          { class: "steps" },
          h("li", {}, h("p", {}, "See one arrive: a test goes the way that every request takes."), button("Send a test", () => test(me), "primary")),
          h("li", {}, h("p", {}, "Or post one yourself, in a shell on the server's machine:"), line(`curl -d '{"hello":"doorbell"}' "$(${mint})"`, "a first message")),
          h("li", {}, h("p", {}, "Give a sender a URL of its own, and watch here."), button("Issue a webhook", issue)),
          h("li", {}, h("p", {}, "Give it to an agent, which then asks for URLs itself:"), line(`claude mcp add doorbell -- ${mcp}`, "for Claude Code")),
        ),
      );
    },
    () => show(page, h("p", { class: "empty" }, "No messages yet.")),
  );
  return page;
}
