// The inspector: the newest messages, the next ones as they land, and one of them in full.

import { get, Refusal } from "./api.js";
import { Detail, attempt } from "./detail.js";
import { h, show, tell } from "./dom.js";
import { Filter, HINT, matches } from "./filter.js";
import { Follow } from "./follow.js";
import { Rows, stateOf } from "./rows.js";
import { count } from "./text.js";

/** How many messages are asked for at a time. */
const PAGE = 100;
/** How much of each body is brought for the list, in bytes; and where words are looked for in it. */
const PREVIEW = 300;
const DEEP = 16 * 1024;
/** How many messages are looked through for words before somebody asks for more. */
const THROUGH = 2000;
/** Arrivals are drawn together, this long after the first of them, in milliseconds. */
const TOGETHER = 100;
/** How often the newest rows are asked where they stand, in milliseconds; and a list of those that
 * stand so, for which the server may have to look through the whole log. */
const LOOK = 3000;
const LOOK_THROUGH = 15_000;
/** How often arrivals are told to whoever does not see them, in milliseconds. */
const TELL = 3000;

export class Messages {
  #timers = [];
  #waiting = [];
  #missed = 0;
  #untold = 0;
  #drawing = false;
  #round = 0;
  /** Where the list ends: the next older page begins there. */
  #end = null;
  /** How many messages the list was made from. */
  #through = 0;
  /** The newest are not shown: somebody went far back. */
  #away = false;

  /** `fixed`: only messages that stand so, and no choice of it. `tools`: what else stands by the filter. */
  constructor(root, { base, fixed = null, empty, tools = () => null }) {
    this.root = root;
    this.base = base;
    this.fixed = fixed;
    this.empty = empty;
    this.tools = tools;
    this.paused = false;
  }

  /** `query`: what the address says of the filter. */
  open(query) {
    this.rows = new Rows(this.fixed === null ? "Messages" : "Dead messages");
    this.filter = new Filter(this.fixed, () => this.#changed());
    this.pause = h("button", { type: "button", on: { click: () => this.#toggle() } }, "Pause");
    this.live = h("span", { class: "live" }, "Connecting");
    this.older = h("button", { type: "button", class: "older", hidden: true, on: { click: () => this.#more() } }, "Older");
    this.note = h("div", { class: "note" });
    this.follow = new Follow(
      (event) => this.#arrive(event),
      (kind, text) => this.#lamp(kind, text),
      () => this.#again(),
    );
    const side = h("section", { class: "detail", "aria-label": "Message" });
    this.detail = new Detail(side, (id, state) => this.rows.stand(id, state));
    this.panes = h(
      "div",
      { class: "panes" },
      h(
        "section",
        { class: "list", "aria-label": "Inspector" },
        this.filter.form(this.tools(this), this.pause, this.live),
        this.note,
        this.rows.list,
        this.older,
      ),
      side,
    );
    show(this.root, h("h1", { class: "unseen" }, this.rows.list.getAttribute("aria-label")), this.panes);
    this.#timers.push(setInterval(() => this.filter.byState || this.#look(), LOOK), setInterval(() => this.filter.byState && this.#look(), LOOK_THROUGH), setInterval(() => this.#say(), TELL));
    this.#seen = () => this.#visible();
    document.addEventListener("visibilitychange", this.#seen);
    this.filter.take(query);
    this.#link();
    this.detail.open(null);
    this.reload();
  }

  #seen = null;

  close() {
    this.follow.close();
    this.filter.close();
    this.#timers.forEach(clearInterval);
    document.removeEventListener("visibilitychange", this.#seen);
    this.#round += 1;
    this.detail.open(null);
  }

  /** The address came to say something else: a filter other than what it says is set aside. */
  seek(query) {
    if (query.toString() === this.filter.address) return;
    this.filter.take(query);
    this.#link();
    this.reload();
  }

  /** The address of a message, or of none, with the filter as it is. */
  #place(id) {
    const query = this.filter.address;
    return `${this.base}${id === null ? "" : `/${id}`}${query === "" ? "" : `?${query}`}`;
  }

  #link() {
    this.rows.place = (id) => this.#place(id);
    this.detail.back = this.#place(null);
  }

  #changed() {
    this.#link();
    history.replaceState(null, "", this.#place(this.detail.id));
    this.reload();
  }

  /** Shows this message beside the list. */
  choose(id) {
    this.panes.classList.toggle("open", id !== null);
    this.rows.choose(id);
    if (this.detail.id !== id) this.detail.open(id);
  }

  /** Goes back to the list, and to the row of the message that was shown. */
  leave() {
    const { id } = this.detail;
    location.hash = this.#place(null);
    this.rows.focus(id);
  }

  step(by) {
    return this.rows.step(by);
  }

  #query(more = {}) {
    return { order: "newest", limit: PAGE, ...this.filter.query, ...more };
  }

  #depth() {
    return this.filter.want.words.length > 0 ? DEEP : PREVIEW;
  }

  /** Begins anew: follow first, then read what is there, so that nothing falls between. */
  async reload() {
    this.#round += 1;
    const round = this.#round;
    this.#waiting = [];
    this.#missed = 0;
    this.#away = false;
    this.#through = 0;
    this.paused = false;
    this.#label();
    if (this.filter.want.wrong !== null) {
      this.#refused(this.filter.want.wrong);
      return;
    }
    this.#follow();
    try {
      const list = await this.#list(round, null);
      if (list === null) return;
      this.rows.clear();
      this.#put(list);
      this.filter.mark(false);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (round !== this.#round) return;
      this.#refused(error.message, error.field === "match");
    }
  }

  /** Says why there is no list. A filter that is wrong is no reason to think the server gone. */
  #refused(why, filter = true) {
    this.rows.clear();
    this.older.hidden = true;
    this.filter.mark(filter);
    if (filter) {
      this.follow.close();
      this.#lamp("wait", "Not following");
    }
    const said = filter ? why.replace(/^match: /, "") : why;
    show(this.note, h("div", { class: "empty bad", role: "alert" }, h("p", {}, said), filter ? h("p", { class: "quiet" }, HINT) : null));
  }

  /**
   * The next messages to be listed behind `from`, and where they end; nothing where the list was begun
   * anew meanwhile. For words page after page is looked through.
   */
  async #list(round, from) {
    const { words } = this.filter.want;
    const list = { messages: [], end: from, over: false, through: 0 };
    do {
      const page = await get("v1/messages", this.#query({ cursor: list.end, max_body_bytes: this.#depth() }));
      if (round !== this.#round) return null;
      const found = page.messages.filter((message) => matches(message, words));
      if (found.length > 0) found.at(-1).place = page.cursor;
      list.messages.push(...found);
      list.end = page.cursor;
      list.through += page.messages.length;
      list.over = page.more !== true;
    } while (words.length > 0 && !list.over && list.messages.length < PAGE && list.through < THROUGH);
    return list;
  }

  #put(list) {
    this.#end = list.end;
    this.#through += list.through;
    this.rows.append(list.messages);
    this.older.hidden = list.over;
    this.older.textContent = this.filter.want.words.length > 0 ? `Look further (${count(this.#through)} looked through)` : "Older";
    this.rows.choose(this.detail.id);
    this.#blank();
  }

  #blank() {
    if (this.rows.size > 0) {
      show(this.note);
      return;
    }
    const among = this.older.hidden ? "" : ` among the newest ${count(this.#through)}`;
    show(this.note, this.filter.chosen ? h("p", { class: "empty" }, `Nothing matches${among}.`) : this.empty(this));
  }

  async #more() {
    const round = this.#round;
    this.older.disabled = true;
    await attempt(async () => {
      const list = await this.#list(round, this.#end);
      if (list === null) return;
      this.#put(list);
      if (this.rows.trimTop()) {
        this.#away = true;
        this.#label();
      }
    });
    this.older.disabled = false;
  }

  #follow() {
    this.follow.open({ match: this.filter.want.pattern, max_body_bytes: this.#depth() });
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
    const { state: wanted } = this.filter.query;
    const messages = events
      // The same place, as a page that runs back from it has it.
      .map((event) => ({ ...JSON.parse(event.data), place: event.lastEventId.replace(/^c/, "n") }))
      .filter((message) => (wanted === "" || stateOf(message) === wanted) && matches(message, this.filter.want.words))
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
      this.follow.close();
    } else {
      this.#again();
    }
  }

  /** Follows again; what came meanwhile is read, unless somebody looks at something else. */
  #again() {
    if (this.paused || this.#away) this.#follow();
    else this.reload();
  }

  /** Asks where the newest rows stand, while any of them may change. */
  async #look() {
    const lists = this.filter.byState;
    if (document.hidden || this.paused || this.#away || this.filter.want.wrong !== null) return;
    if (!lists && !this.rows.unsettled(PAGE)) return;
    const round = this.#round;
    const page = await get("v1/messages", this.#query({ max_body_bytes: lists ? this.#depth() : 0 })).catch(() => null);
    if (page === null || round !== this.#round) return;
    if (lists) {
      const whole = page.more !== true;
      const ids = page.messages.filter((message) => matches(message, this.filter.want.words)).map((message) => message.id);
      if (!this.rows.begins(ids, whole ? "" : page.messages.at(-1).id)) this.reload();
      return;
    }
    for (const message of page.messages) {
      this.rows.stand(message.id, message.state);
      if (message.id === this.detail.id && message.state !== this.detail.message?.state) this.detail.open(message.id);
    }
  }
}
