// The inspector: the newest messages, the next ones as they land, and one of them in full.

import { get, path, Refusal } from "./api.js";
import { Detail, attempt } from "./detail.js";
import { h, show, tell } from "./dom.js";
import { Rows, stateOf } from "./rows.js";
import { count } from "./text.js";

/** How many messages are asked for at a time. */
const PAGE = 100;
/** How much of each body is brought for the list, in bytes. */
const PREVIEW = 300;
/** Arrivals are drawn together, this long after the first of them, in milliseconds. */
const TOGETHER = 100;
/** How often the newest rows are asked where they stand, in milliseconds; and a list of those that
 * stand so, for which the server may have to look through the whole log. */
const LOOK = 3000;
const LOOK_THROUGH = 15_000;
/** How often arrivals are told to whoever does not see them, in milliseconds. */
const TELL = 3000;
const STATES = ["pending", "leased", "settled", "dead", "observed"];

export class Messages {
  #stream = null;
  #timers = [];
  #waiting = [];
  #missed = 0;
  #untold = 0;
  #drawing = false;
  #round = 0;
  /** Where the list ends: the next older page begins there. */
  #end = null;
  /** The newest are not shown: somebody went far back. */
  #away = false;

  /** `fixed`: only messages that stand so, and no choice of it. */
  constructor(root, { base, fixed = null, empty }) {
    this.root = root;
    this.base = base;
    this.fixed = fixed;
    this.empty = empty;
    this.paused = false;
  }

  open() {
    this.rows = new Rows(this.base, this.fixed === null ? "Messages" : "Dead messages");
    this.filter = h("input", {
      type: "search",
      placeholder: "hook:acme/**",
      spellcheck: "false",
      autocapitalize: "off",
      autocomplete: "off",
      on: { change: () => this.reload() },
    });
    this.state = h(
      "select",
      { on: { change: () => this.reload() } },
      h("option", { value: "" }, "Any"),
      STATES.map((state) => h("option", { value: state }, state)),
    );
    this.pause = h("button", { type: "button", on: { click: () => this.#toggle() } }, "Pause");
    this.live = h("span", { class: "live" }, "Connecting");
    this.older = h("button", { type: "button", class: "older", hidden: true, on: { click: () => this.#more() } }, "Older");
    this.note = h("div", { class: "note" });
    const side = h("section", { class: "detail", "aria-label": "Message" });
    this.detail = new Detail(side, this.base, (id, state) => this.rows.stand(id, state));
    this.panes = h(
      "div",
      { class: "panes" },
      h(
        "section",
        { class: "list", "aria-label": "Inspector" },
        h(
          "form",
          { class: "filters", role: "search", on: { submit: (event) => { event.preventDefault(); this.reload(); } } },
          h("label", { class: "grow" }, h("span", {}, "Filter by address"), this.filter),
          this.fixed === null ? h("label", {}, h("span", {}, "State"), this.state) : null,
          this.pause,
          this.live,
        ),
        this.note,
        this.rows.list,
        this.older,
      ),
      side,
    );
    show(this.root, h("h1", { class: "unseen" }, this.rows.list.getAttribute("aria-label")), this.panes);
    this.detail.open(null);
    this.#timers.push(setInterval(() => this.#lists() || this.#look(), LOOK), setInterval(() => this.#lists() && this.#look(), LOOK_THROUGH), setInterval(() => this.#say(), TELL));
    this.#seen = () => this.#visible();
    document.addEventListener("visibilitychange", this.#seen);
    this.reload();
  }

  #seen = null;

  close() {
    this.#stream?.close();
    this.#timers.forEach(clearInterval);
    document.removeEventListener("visibilitychange", this.#seen);
    this.#round += 1;
    this.detail.open(null);
  }

  /** Shows this message beside the list. */
  choose(id) {
    this.panes.classList.toggle("open", id !== null);
    this.rows.choose(id);
    if (this.detail.id !== id) this.detail.open(id);
  }

  focusFilter() {
    this.filter.focus();
    this.filter.select();
  }

  step(by) {
    return this.rows.step(by);
  }

  #query(more = {}) {
    return {
      order: "newest",
      limit: PAGE,
      match: this.filter.value.trim(),
      state: this.fixed ?? this.state.value,
      ...more,
    };
  }

  /** Begins anew: follow first, then read what is there, so that nothing falls between. */
  async reload() {
    this.#round += 1;
    const round = this.#round;
    this.#waiting = [];
    this.#missed = 0;
    this.#away = false;
    this.paused = false;
    this.#label();
    this.#follow();
    try {
      const page = await get("v1/messages", this.#query({ max_body_bytes: PREVIEW }));
      if (round !== this.#round) return;
      this.filter.setCustomValidity("");
      this.rows.clear();
      this.#page(page);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (round !== this.#round) return;
      this.rows.clear();
      this.older.hidden = true;
      show(this.note, h("p", { class: "empty bad", role: "alert" }, error.message));
    }
  }

  #page(page) {
    const { messages } = page;
    if (messages.length > 0) messages.at(-1).place = page.cursor;
    this.#end = page.cursor;
    this.rows.append(messages);
    this.older.hidden = page.more !== true;
    this.rows.choose(this.detail.id);
    this.#blank();
  }

  #blank() {
    if (this.rows.size > 0) {
      show(this.note);
      return;
    }
    const filtered = this.filter.value.trim() !== "" || (this.fixed === null && this.state.value !== "");
    show(this.note, filtered ? h("p", { class: "empty" }, "Nothing matches.") : this.empty());
  }

  async #more() {
    const round = this.#round;
    this.older.disabled = true;
    await attempt(async () => {
      const page = await get("v1/messages", this.#query({ cursor: this.#end, max_body_bytes: PREVIEW }));
      if (round !== this.#round) return;
      this.#page(page);
      if (this.rows.trimTop()) {
        this.#away = true;
        this.#label();
      }
    });
    this.older.disabled = false;
  }

  #follow() {
    this.#stream?.close();
    const query = { match: this.filter.value.trim(), max_body_bytes: PREVIEW };
    const stream = new EventSource(path("v1/stream", query));
    this.#stream = stream;
    this.#lamp("wait", "Connecting");
    stream.addEventListener("open", () => this.#lamp("on", "Live"));
    stream.addEventListener("error", () => {
      const over = stream.readyState === EventSource.CLOSED;
      this.#lamp("off", over ? "Offline" : "Reconnecting");
      // Refused for good, or the session is over: asking says which, and shows the form.
      if (over && this.#stream === stream) get("v1/whoami").catch(() => {});
    });
    stream.addEventListener("message", (event) => this.#arrive(event));
  }

  #lamp(kind, text) {
    this.live.className = `live ${kind}`;
    this.live.textContent = text;
  }

  #arrive(event) {
    if (event.data === "") return;
    if (this.paused || this.#away) {
      this.#missed += 1;
      this.#draw(() => this.#label());
      return;
    }
    // What is not drawn anyhow need not be read.
    if (this.#waiting.length >= 500) this.#waiting.shift();
    this.#waiting.push(event);
    this.#draw(() => this.#flush());
  }

  #draw(what) {
    if (this.#drawing) return;
    this.#drawing = true;
    setTimeout(() => {
      requestAnimationFrame(() => {
        this.#drawing = false;
        what();
      });
    }, TOGETHER);
  }

  #flush() {
    const events = this.#waiting;
    this.#waiting = [];
    if (this.paused || events.length === 0) return;
    const wanted = this.fixed ?? this.state.value;
    const messages = events
      // The same place, as a page that runs back from it has it.
      .map((event) => ({ ...JSON.parse(event.data), place: event.lastEventId.replace(/^c/, "n") }))
      .filter((message) => wanted === "" || stateOf(message) === wanted)
      .reverse();
    // A list that was filled up at once ends where it was cut.
    if (messages.length >= 500) this.rows.clear();
    this.rows.prepend(messages);
    const end = this.rows.trim();
    if (end !== null) {
      this.#end = end;
      this.older.hidden = false;
    }
    this.#untold += messages.length;
    this.#blank();
  }

  #say() {
    if (this.#untold === 0) return;
    tell(this.#untold === 1 ? "One new message." : `${count(this.#untold)} new messages.`);
    this.#untold = 0;
  }

  #toggle() {
    if (this.paused || this.#away) {
      this.reload();
      this.panes.querySelector(".list").scrollTop = 0;
    } else {
      this.paused = true;
      this.#label();
    }
  }

  #label() {
    const name = this.#away ? "Newest" : this.paused ? "Resume" : "Pause";
    this.pause.textContent = this.#missed > 0 ? `${name} (${count(this.#missed)} new)` : name;
    this.panes.classList.toggle("paused", this.paused || this.#away);
  }

  /** Nobody looks: the line is given up, and what came meanwhile is read when somebody does. */
  #visible() {
    if (document.hidden) {
      this.#stream?.close();
    } else if (this.paused || this.#away) {
      this.#follow();
    } else {
      this.reload();
    }
  }

  /** Whether only messages that stand so are listed. */
  #lists() {
    return this.fixed !== null || this.state.value !== "";
  }

  /** Asks where the newest rows stand, while any of them may change. */
  async #look() {
    const lists = this.#lists();
    if (document.hidden || this.paused || this.#away) return;
    if (!lists && !this.rows.unsettled(PAGE)) return;
    const round = this.#round;
    const page = await get("v1/messages", this.#query({ max_body_bytes: lists ? PREVIEW : 0 })).catch(() => null);
    if (page === null || round !== this.#round) return;
    if (lists) {
      const known = page.messages.every((message) => this.rows.has(message.id));
      if (known && page.messages.length === Math.min(this.rows.size, PAGE)) return;
      this.rows.clear();
      this.#page(page);
      return;
    }
    for (const message of page.messages) {
      this.rows.stand(message.id, message.state);
      if (message.id === this.detail.id && message.state !== this.detail.message?.state) this.detail.open(message.id);
    }
  }
}
