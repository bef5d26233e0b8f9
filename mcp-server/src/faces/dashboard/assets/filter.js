// The filter: a pattern of addresses, words to be found in messages, or both; and where messages stand.

import { h } from "./dom.js";
import { textOf } from "./format.js";
import { redact } from "./tokens.js";

/** What an address begins with, and so a pattern. */
const SCHEME = /^(?:hook|web|doorbell):/;
/** It counts this long after the last key, in milliseconds. */
const TYPED = 200;
const STATES = ["pending", "leased", "settled", "dead", "observed"];
/** What may be typed. */
export const HINT = "A pattern is an address, hook:acme/eng/github, in which * is one segment and a last ** one or more. Anything else is looked for as text.";

/** A filter as it was typed. `wrong` says what is the matter with it. */
export function read(text) {
  const parts = text.trim().split(/\s+/u).filter((part) => part !== "");
  const patterns = parts.filter((part) => SCHEME.test(part));
  return {
    pattern: patterns[0] ?? "",
    words: parts.filter((part) => !SCHEME.test(part)).map((word) => word.toLowerCase()),
    wrong: patterns.length > 1 ? "One pattern at a time: a message has one address." : null,
  };
}

/** Whether every word stands somewhere in the message, as far as it was brought. */
export function matches(message, words) {
  if (words.length === 0) return true;
  const fields = ["jid", "sender", "from", "kind", "method", "query", "id", "context"].map((name) => message[name] ?? "");
  const headers = Object.entries(message.headers).map(([name, value]) => `${name}: ${value}`);
  const all = [...fields, ...headers, textOf(message)].join("\n").toLowerCase();
  return words.every((word) => all.includes(word));
}

export class Filter {
  #typing = null;
  /** What counted last. */
  #counted = "";
  /** What is typed, read. */
  want = read("");

  /** `fixed`: the one state that is listed. `changed` is told of every change by hand. */
  constructor(fixed, changed) {
    this.fixed = fixed;
    this.changed = changed;
    this.input = h("input", {
      type: "search",
      placeholder: "hook:acme/** or any words",
      title: HINT,
      spellcheck: "false",
      autocapitalize: "off",
      autocomplete: "off",
      on: { input: () => this.#typed(), change: () => this.#settle() },
    });
    this.select = h(
      "select",
      { on: { change: () => this.#settle() } },
      h("option", { value: "" }, "Any"),
      STATES.map((state) => h("option", { value: state }, state)),
    );
  }

  /** A form of it, with whatever else stands there. */
  form(...others) {
    const submit = (event) => {
      event.preventDefault();
      this.#change();
    };
    return h(
      "form",
      { class: "filters", role: "search", on: { submit } },
      h("label", { class: "grow" }, h("span", {}, "Filter by address or text"), this.input),
      this.fixed === null ? h("label", {}, h("span", {}, "State"), this.select) : null,
      others,
    );
  }

  /** What is asked of the server: messages at these addresses that stand so. */
  get query() {
    return { match: this.want.pattern, state: this.fixed ?? this.select.value };
  }

  /** Whether only messages that stand so are listed. */
  get byState() {
    return this.query.state !== "";
  }

  /** Whether anything was chosen by hand. */
  get chosen() {
    return this.input.value.trim() !== "" || (this.fixed === null && this.select.value !== "");
  }

  /** What the address says of it; a token that was pasted is not kept there. */
  get address() {
    const pairs = [["filter", redact(this.input.value.trim())], ["state", this.fixed === null ? this.select.value : ""]];
    return new URLSearchParams(pairs.filter(([, value]) => value !== "")).toString();
  }

  /** Takes over what the address says. */
  take(query) {
    clearTimeout(this.#typing);
    this.input.value = query.get("filter") ?? "";
    this.select.value = STATES.includes(query.get("state")) ? query.get("state") : "";
    this.want = read(this.input.value);
    this.#counted = this.#now();
  }

  /** Marks what is typed as wrong, or as right. */
  mark(wrong) {
    this.input.setAttribute("aria-invalid", String(wrong));
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  close() {
    clearTimeout(this.#typing);
  }

  #typed() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#settle(), TYPED);
  }

  #now() {
    return `${this.select.value} ${this.input.value}`;
  }

  /** Leaving the field is no change by itself: the row that is clicked on must stay where it is. */
  #settle() {
    if (this.#now() !== this.#counted) this.#change();
  }

  #change() {
    clearTimeout(this.#typing);
    this.want = read(this.input.value);
    this.#counted = this.#now();
    this.changed();
  }
}
