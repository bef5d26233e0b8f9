// A body in the ways it can be looked at. All of them are text.

import { h } from "./dom.js";
import { write } from "./text.js";
import { STEAD, redact } from "./tokens.js";

/** Deeper than this nothing is indented further. */
const DEEPEST = 64;
/** More coloured pieces than this would be slow to draw: the rest is plain. */
const PIECES = 6000;

/** The bytes of a message's body. */
export function bytesOf(message) {
  if (message.body_encoding !== "base64") return new TextEncoder().encode(message.body);
  return Uint8Array.from(atob(message.body), (character) => character.charCodeAt(0));
}

/** The body as text; what is not UTF-8 shows as the replacement character. */
export function textOf(message) {
  return message.body_encoding === "base64" ? new TextDecoder().decode(bytesOf(message)) : message.body;
}

/** As it came, but for tokens. */
export function raw(message) {
  return write(h("pre", { class: "body" }), textOf(message), true, message.body_truncated);
}

/** Bytes as characters of the same numbers. */
function latin(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

/** Whether a token stands in the body, and `[token]` where it is shown. */
export function holdsToken(message) {
  const text = textOf(message);
  return redact(text, message.body_truncated) !== text;
}

/** Sixteen bytes a line: where, the bytes, and what of them is printable ASCII; of what is shown, so without tokens. */
export function hex(message) {
  const all = Uint8Array.from(redact(latin(bytesOf(message)), message.body_truncated), (character) => character.charCodeAt(0));
  const text = latin(all);
  const lines = [];
  let next = 0;
  for (let at = 0; at < all.length; at = next) {
    // What stands for a token is read in one piece.
    const stead = text.slice(at + 10, at + 22).indexOf(STEAD);
    next = stead === -1 ? at + 16 : at + 10 + stead;
    const row = all.subarray(at, next);
    const numbers = Array.from(row, (byte) => byte.toString(16).padStart(2, "0"));
    const left = numbers.slice(0, 8).join(" ").padEnd(23);
    const right = numbers.slice(8).join(" ").padEnd(23);
    const seen = Array.from(row, (byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${left}  ${right}  ${seen}`);
  }
  return h("pre", { class: "body hex" }, lines.join("\n"));
}

/** What kind of text it is, and that text laid out; `null` where nothing is known to help. */
export function pretty(message) {
  const text = textOf(message);
  const type = (message.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  if (type === "application/x-www-form-urlencoded") return form(text, message.body_truncated);
  if (/^\s*[[{"]/.test(text) || /[/+]json$/.test(type)) {
    const laid = json(text);
    if (laid !== null) return laid;
  }
  return null;
}

function form(text, cut) {
  const rows = [...new URLSearchParams(text)].map(([name, value]) =>
    h("tr", {}, write(h("th", { scope: "row" }), name), h("td", {}, json(value) ?? write(h("pre", {}), value, true, cut))),
  );
  if (rows.length === 0) return null;
  return h("table", { class: "pairs" }, h("tbody", {}, rows));
}

/**
 * JSON with line breaks. Its pieces are taken over as they are written: no number is rounded, and of
 * two members of one name both are shown.
 */
function json(text) {
  if (!/^\s*[[{"]/.test(text)) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const pre = h("pre", { class: "body json" });
  let pieces = 0;
  let depth = 0;
  let held = "";
  const flush = () => {
    pre.append(held);
    held = "";
  };
  const put = (piece, kind) => {
    pieces += 1;
    if (pieces > PIECES) {
      held += piece;
      return;
    }
    flush();
    pre.append(write(h("span", { class: kind }), piece));
  };
  const line = () => {
    held += `\n${"  ".repeat(Math.min(depth, DEEPEST))}`;
  };
  const tokens = [...text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+/gs)].map((found) => found[0]);
  tokens.forEach((token, at) => {
    const next = tokens[at + 1];
    if (token === "{" || token === "[") {
      held += token;
      depth += 1;
      if (next !== "}" && next !== "]") line();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      if (tokens[at - 1] !== "{" && tokens[at - 1] !== "[") line();
      held += token;
    } else if (token === ",") {
      held += token;
      line();
    } else if (token === ":") {
      held += ": ";
    } else if (token.startsWith('"')) {
      put(token, next === ":" ? "key" : "string");
    } else {
      put(token, /^[-\d]/.test(token) ? "number" : "word");
    }
  });
  if (pieces > PIECES) write(pre, held, true);
  else flush();
  return pre;
}
