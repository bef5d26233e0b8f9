// Dead messages: how many there are, and the button that makes them pending again.

import { get, post } from "./api.js";
import { attempt } from "./detail.js";
import { confirm } from "./dialog.js";
import { h, toast } from "./dom.js";
import { count } from "./text.js";

/** How often they are counted, in milliseconds; and up to how many. */
const EVERY = 30_000;
const MOST = 100;
/** How many one call replays by their ids. */
const AT_ONCE = 1000;

/** The number beside the link to them. */
export class Dead {
  constructor(link) {
    this.badge = h("span", { class: "badge", hidden: true });
    link.append(" ", this.badge);
  }

  open() {
    this.look();
    setInterval(() => document.hidden || this.look(), EVERY);
  }

  async look() {
    const page = await get("v1/messages", { state: "dead", order: "newest", limit: MOST, max_body_bytes: 0 }).catch(() => null);
    if (page === null) return;
    const { length } = page.messages;
    this.badge.hidden = length === 0;
    this.badge.textContent = page.more !== true ? count(length) : `${count(MOST - 1)}+`;
  }
}

/** Replays what one call takes, until nothing is left. */
async function replay(ask) {
  let done = 0;
  let more = true;
  while (more) {
    const reply = await post("v1/messages/replay", ask);
    done += reply.replayed;
    more = reply.more === true && reply.replayed > 0;
  }
  return done;
}

/** A button for what the view lists: all of it, where only a pattern was given, else what is shown. */
export function replayAll(view, done) {
  const click = async () => {
    const { words, pattern, wrong } = view.filter.want;
    if (wrong !== null) return;
    const ids = words.length > 0 ? view.rows.ids().slice(0, AT_ONCE) : null;
    const which = ids !== null ? `The ${count(ids.length)} dead messages that are listed` : pattern === "" ? "All dead messages" : `All dead messages at ${pattern}`;
    const sure = await confirm("Replay all?", `${which} are pending again, each as if it had just come: whoever waits is rung.`, "Replay all", false);
    if (!sure) return;
    await attempt(async () => {
      const number = await replay(ids !== null ? { ids } : { state: "dead", ...(pattern === "" ? {} : { match: pattern }) });
      toast(number === 1 ? "Replayed one message." : `Replayed ${count(number)} messages.`);
      await view.reload();
      await done();
    });
  };
  return h("button", { type: "button", on: { click } }, "Replay all");
}
