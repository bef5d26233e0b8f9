// One message: its body, headers, context and life, and the button that replays it.

import { get, post, Refusal } from "./api.js";
import { copy } from "./copy.js";
import { curl } from "./curl.js";
import { fresh, h, show, tell, toast } from "./dom.js";
import { bytesOf, hex, holdsToken, pretty, raw } from "./format.js";
import { bytes, plain, when, write } from "./text.js";

/** How much of a body is brought and drawn unless more is asked for, in bytes. */
const SOME = 256 * 1024;

/** What was looked at last, kept from one message to the next. */
const chosen = { tab: "Body", way: "Pretty" };

export class Detail {
  #asked = null;

  #back = "";

  /** `changed(id, state)` is told what is learnt of a message on the way. */
  constructor(root, changed) {
    this.root = root;
    this.changed = changed;
    this.id = null;
  }

  /** Shows a message; nothing, where there is none. */
  async open(id) {
    this.#asked?.abort();
    this.id = id;
    if (id === null) {
      show(this.root, h("p", { class: "empty" }, "Choose a message to see all of it."));
      return;
    }
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    try {
      const message = await get(`v1/messages/${encodeURIComponent(id)}`, { max_body_bytes: SOME }, signal);
      this.changed(id, message.state);
      this.#draw(message);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Refusal)) throw error;
      show(this.root, this.#way(), h("p", { class: "empty" }, error.message));
    }
  }

  /** The address of the list. */
  set back(address) {
    this.#back = address;
    this.root.querySelector("a.back")?.setAttribute("href", address);
  }

  #way() {
    return h("a", { class: "back", href: this.#back }, "All messages");
  }

  #draw(message) {
    this.message = message;
    const held = this.root.contains(document.activeElement) ? document.activeElement.textContent : null;
    const title = fresh("message");
    const size = message.body_bytes ?? bytesOf(message).length;
    const facts = [
      ["Received", when(message.received_at, true)],
      ["From", write(h("span", {}), message.from ? `${message.sender}, as ${message.from}` : message.sender)],
      ["Request", write(h("code", {}), message.query ? `${message.method} ?${message.query}` : message.method)],
      ["Size", bytes(size)],
      ["Folder", h("code", {}, message.folder)],
      ["Kind", message.kind],
      ["Attempts", String(message.attempt)],
      message.repeats ? ["Came again", h("span", {}, `${message.repeats.count} times, last `, when(message.repeats.last_at))] : null,
      message.repeat_of ? ["Repeat of", h("a", { href: `#/messages/${message.repeat_of}` }, h("code", {}, message.repeat_of))] : null,
      ["Peer", message.peer ? h("code", {}, message.peer) : "-"],
      ["Id", h("code", {}, message.id)],
      ["Grant", h("code", {}, message.grant_id)],
    ].filter((fact) => fact !== null);
    show(
      this.root,
      this.#way(),
      h(
        "div",
        { class: "headline" },
        write(h("h2", { id: title, tabindex: "-1" }), message.jid),
        chip(message.state),
        message.test ? chip("test") : null,
        h("button", { type: "button", on: { click: () => this.#curl() } }, "Copy as curl"),
        h("button", { type: "button", on: { click: (event) => this.#replay(event.currentTarget) } }, "Replay"),
      ),
      h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
      tabs([
        ["Body", () => this.#body(size)],
        ["Headers", () => headers(message)],
        ["Context", () => context(message)],
        ["Life", () => life(message)],
      ]),
    );
    this.root.setAttribute("aria-labelledby", title);
    // What is drawn anew keeps the focus where it was.
    if (held !== null) [...this.root.querySelectorAll("button")].find((button) => button.textContent === held)?.focus();
  }

  #body(size) {
    const { message } = this;
    const view = h("div", { class: "view" });
    if (size === 0) return [h("p", { class: "empty" }, "The body is empty.")];
    const ways = { Pretty: () => pretty(message) ?? raw(message), Raw: () => raw(message), Hex: () => hex(message) };
    const buttons = Object.keys(ways).map((way) =>
      h("button", { type: "button", on: { click: () => choose(way) } }, way),
    );
    const choose = (way) => {
      chosen.way = way;
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === way));
      show(view, ways[way]());
    };
    choose(chosen.way);
    const rest = [];
    if (message.body_truncated) {
      rest.push(
        h(
          "p",
          { class: "cut" },
          `The first ${bytes(SOME)} of ${bytes(size)} are shown. `,
          h("button", { type: "button", on: { click: () => this.#whole() } }, "Show all"),
        ),
      );
    }
    if (holdsToken(message)) {
      rest.push(h("p", { class: "cut" }, "A token of Doorbell's stands in it: here it reads [token]. Download and Copy as curl are verbatim."));
    }
    const download = h("button", { type: "button", on: { click: () => this.#download() } }, "Download");
    return [h("div", { class: "ways", role: "group", "aria-label": "Body as" }, buttons, download), ...rest, view];
  }

  #all() {
    return get(`v1/messages/${encodeURIComponent(this.message.id)}`);
  }

  async #whole() {
    await attempt(async () => this.#draw(await this.#all()));
  }

  /** As bytes and under a name of ours: whatever it says it is, no browser opens it. */
  async #download() {
    await attempt(async () => {
      const blob = new Blob([bytesOf(await this.#all())], { type: "application/octet-stream" });
      const url = URL.createObjectURL(blob);
      h("a", { href: url, download: `${this.message.id}.bin` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    });
  }

  /** What was sent as a line for a shell, verbatim. */
  async #curl() {
    await attempt(async () => {
      const { line, left } = curl(await this.#all());
      const copied = await copy(line);
      const said = "Copied, body and headers verbatim. Set URL to where it shall go.";
      const lost = left === 0 ? "" : ` ${left} ${left === 1 ? "header" : "headers"} with hidden characters left out.`;
      toast(copied ? `${said}${lost}` : "This browser does not let a page copy.", !copied);
    });
  }

  async #replay(button) {
    const { id } = this.message;
    button.disabled = true;
    const done = await attempt(async () => {
      await post(`v1/messages/${encodeURIComponent(id)}/replay`);
      toast("Replayed: it is pending again.");
      tell("Replayed.");
      if (this.id === id) await this.open(id);
    });
    if (!done) button.disabled = false;
  }
}

/** Does something, and says why it could not be done. */
export async function attempt(what) {
  try {
    await what();
    return true;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    toast(error.message, true);
    return false;
  }
}

/** Where a message stands, or what happened to it. */
export function chip(state) {
  return h("span", { class: `chip ${/^[a-z]+$/.test(state) ? state : ""}` }, plain(state));
}

function headers(message) {
  const rows = Object.entries(message.headers).map(([name, value]) =>
    h("tr", {}, write(h("th", { scope: "row" }), name), write(h("td", {}), value)),
  );
  if (rows.length === 0) return [h("p", { class: "empty" }, "It came without headers.")];
  return [h("table", { class: "pairs" }, h("tbody", {}, rows))];
}

function context(message) {
  if (!message.context) return [h("p", { class: "empty" }, "No context was given when the URL was issued.")];
  return [write(h("p", { class: "prose" }), message.context, true)];
}

function life(message) {
  const entries = message.life.map((entry) =>
    h(
      "li",
      {},
      when(entry.at, true),
      chip(entry.what),
      write(h("span", {}), [entry.detail, entry.attempt && `attempt ${entry.attempt}`, entry.reason].filter(Boolean).join(", ")),
    ),
  );
  return [h("ol", { class: "life" }, entries)];
}

/** Tabs as the ARIA practices have them: arrows go from one to the next. */
function tabs(list) {
  const panel = h("div", { role: "tabpanel", id: fresh("panel"), tabindex: "0" });
  const buttons = list.map(([name]) =>
    h("button", { type: "button", role: "tab", id: fresh("tab"), "aria-controls": panel.id }, name),
  );
  const choose = (at, focus) => {
    const [name, content] = list[at];
    chosen.tab = name;
    buttons.forEach((button, i) => {
      button.setAttribute("aria-selected", String(i === at));
      button.tabIndex = i === at ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", buttons[at].id);
    show(panel, content());
    if (focus) buttons[at].focus();
  };
  buttons.forEach((button, at) => {
    button.addEventListener("click", () => choose(at, false));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      choose((at + step + list.length) % list.length, true);
    });
  });
  choose(Math.max(0, list.findIndex(([name]) => name === chosen.tab)), false);
  return h("div", { class: "tabs" }, h("div", { role: "tablist", "aria-label": "Parts of the message" }, buttons), panel);
}
