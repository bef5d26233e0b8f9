// The list of messages, newest first, never longer than it is pleasant to draw.

import { chip } from "./detail.js";
import { h } from "./dom.js";
import { plain, when } from "./text.js";
import { redact } from "./tokens.js";

/** How many rows there are at the most. */
export const MOST = 500;
/** How many characters of a body a row shows. */
const PREVIEW = 160;
/** Headers that name the event, from the commonest senders. */
const EVENTS = ["x-github-event", "x-gitlab-event", "linear-event", "sentry-hook-resource", "x-shopify-topic"];

/** Where a message that has just come stands. */
export function stateOf(message) {
  return message.state ?? (message.mode === "observe" ? "observed" : "pending");
}

function preview(message) {
  if (message.body_encoding === "base64") return "(bytes)";
  return plain(redact(message.body, message.body_truncated).slice(0, PREVIEW)).trim() || "(empty)";
}

export class Rows {
  #rows = new Map();

  /** The address of a message. */
  place = (id) => `#/messages/${id}`;

  constructor(labelled) {
    this.list = h("ol", { class: "rows", "aria-label": labelled });
  }

  get size() {
    return this.#rows.size;
  }

  has(id) {
    return this.#rows.has(id);
  }

  clear() {
    this.#rows.clear();
    this.list.replaceChildren();
  }

  /** Adds messages, newest first, before the others. */
  prepend(messages) {
    this.list.prepend(...this.#make(messages));
    this.#rove();
  }

  /** Adds messages, newest first, behind the others. */
  append(messages) {
    this.list.append(...this.#make(messages));
    this.#rove();
  }

  #make(messages) {
    return messages
      .filter((message) => !this.#rows.has(message.id))
      .map((message) => {
        const row = this.#row(message);
        this.#rows.set(message.id, row);
        return row;
      });
  }

  #row(message) {
    const event = EVENTS.map((name) => message.headers[name]).find(Boolean);
    const mark = chip(stateOf(message));
    const link = h(
      "a",
      { href: this.place(message.id), tabindex: "-1", "data-id": message.id },
      h("span", { class: "jid" }, plain(message.jid)),
      when(message.received_at),
      h("span", { class: "preview" }, event ? h("b", {}, `${plain(event.slice(0, 60))} `) : null, preview(message)),
      mark,
    );
    const row = h("li", {}, link);
    row.mark = mark;
    row.place = message.place ?? null;
    return row;
  }

  /** Drops the oldest until there are no more than `MOST`, and says where the list ends now. */
  trim() {
    let end = null;
    // Only some rows know their place in the log: the list must end with one that does.
    while (this.#rows.size > MOST || (end !== null && this.list.lastElementChild?.place === null)) {
      const row = this.list.lastElementChild;
      if (row === null) break;
      this.#rows.delete(row.firstElementChild.dataset.id);
      row.remove();
      end = this.list.lastElementChild?.place ?? "";
    }
    this.#rove();
    return end === "" || end === null ? null : this.list.lastElementChild.place;
  }

  /** Drops the newest until there are no more than `MOST`; says whether any went. */
  trimTop() {
    let any = false;
    while (this.#rows.size > MOST) {
      const row = this.list.firstElementChild;
      this.#rows.delete(row.firstElementChild.dataset.id);
      row.remove();
      any = true;
    }
    this.#rove();
    return any;
  }

  /** A message stands so now. */
  stand(id, state) {
    const row = this.#rows.get(id);
    if (row === undefined || row.mark.textContent === state) return;
    const mark = chip(state);
    row.mark.replaceWith(mark);
    row.mark = mark;
  }

  /** The messages that are listed. */
  ids() {
    return [...this.#rows.keys()];
  }

  /** Whether the newest rows, down to the message `oldest`, are these. */
  begins(ids, oldest) {
    const shown = this.ids().filter((id) => id >= oldest);
    return shown.length === ids.length && ids.every((id) => this.has(id));
  }

  /** Whether any of the newest may yet change by itself. */
  unsettled(newest) {
    const rows = [...this.list.children].slice(0, newest);
    return rows.some((row) => /pending|leased/.test(row.mark.textContent));
  }

  /** This message is the one that is shown beside the list. */
  choose(id) {
    for (const link of this.list.querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
    this.#rows.get(id)?.firstElementChild.setAttribute("aria-current", "true");
    this.#rove();
  }

  /** One row at a time can be reached with Tab: the chosen one, or the first. */
  #rove() {
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    const stop = focused ?? this.list.querySelector("[aria-current]") ?? this.list.querySelector("a");
    const old = this.list.querySelector('a[tabindex="0"]');
    if (old === stop) return;
    if (old !== null) old.tabIndex = -1;
    if (stop !== null) stop.tabIndex = 0;
  }

  /** Puts the focus on a message's row. */
  focus(id) {
    this.#rows.get(id)?.firstElementChild.focus();
    this.#rove();
  }

  /** Moves the focus up or down; says false where there is no further row. */
  step(by) {
    const focused = this.list.contains(document.activeElement) ? document.activeElement.closest("li") : null;
    const current = this.list.querySelector("[aria-current]")?.closest("li") ?? null;
    const from = focused ?? current;
    const to = from === null ? this.list.firstElementChild : by > 0 ? from.nextElementSibling : from.previousElementSibling;
    if (to === null) return false;
    to.firstElementChild.focus();
    this.#rove();
    return true;
  }
}
