// Strangers' text, shown so that it cannot pass for something else: what steers a terminal, turns
// the direction of writing or cannot be seen at all is shown as its number, and a token not at all.

import { redact } from "./tokens.js";

const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]|\p{Cs}/gu;
const NAMES = new Map([["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"], ["\u001b", "\\e"], ["\0", "\\0"]]);
/** More marks than this would be slow to draw: the rest is written without them. */
const MARKS = 2000;

function name(hidden) {
  const code = hidden.codePointAt(0);
  return NAMES.get(hidden) ?? (code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`);
}

/** A text in one line, without marks: for attributes and previews. */
export function plain(text) {
  return redact(text).replace(HIDDEN, name);
}

/** Whether anything in a text is hidden, but for what breaks lines. */
export function hides(text) {
  return text.replace(/[\n\t]/g, "").search(HIDDEN) !== -1;
}

/**
 * Adds a text to an element, what is hidden in it marked. `lines`: it may break lines and have tabs.
 * `cut`: it is the beginning of one.
 */
export function write(element, sent, lines = false, cut = false) {
  const text = redact(sent, cut);
  let from = 0;
  let marks = 0;
  let rest = null;
  for (const found of text.matchAll(HIDDEN)) {
    const hidden = found[0];
    if (lines && (hidden === "\n" || hidden === "\t")) continue;
    if (found.index > from) element.append(text.slice(from, found.index));
    // A line's end of two bytes is still a line's end.
    if (lines && hidden === "\r" && text[found.index + 1] === "\n") {
      from = found.index + 1;
      continue;
    }
    if (marks === MARKS) {
      rest = text.slice(found.index);
      break;
    }
    marks += 1;
    const mark = document.createElement("span");
    mark.className = "hidden-char";
    mark.textContent = name(hidden);
    element.append(mark);
    from = found.index + hidden.length;
  }
  if (rest !== null) {
    element.append(rest.replace(HIDDEN, (c) => (lines && (c === "\n" || c === "\t") ? c : name(c))));
  } else if (from < text.length) {
    element.append(text.slice(from));
  }
  return element;
}

/** A number of bytes, for people. */
export function bytes(count) {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(1)} KiB`;
  return `${(count / 1024 / 1024).toFixed(1)} MiB`;
}

/** A whole number with its thousands apart. */
export function count(number) {
  return number.toLocaleString("en").replaceAll(",", "\u202f");
}

const two = (number) => String(number).padStart(2, "0");

/** A moment as a clock shows it; with its date where that is not today's. */
export function moment(text, millis = false) {
  const at = new Date(text);
  const today = new Date();
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const time = millis ? `${clock}.${String(at.getMilliseconds()).padStart(3, "0")}` : clock;
  if (at.toDateString() === today.toDateString()) return time;
  const date = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return at.getFullYear() === today.getFullYear() ? `${date} ${time}` : `${at.getFullYear()}-${date} ${time}`;
}

const EXACT = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  timeZoneName: "short",
});

/** A moment with its date and zone, and as it stands in the log. */
export function exact(text) {
  return `${EXACT.format(new Date(text))} (${text})`;
}

/** A moment as an element that shows all of it to whoever points there. */
export function when(text, millis = false) {
  const time = document.createElement("time");
  time.dateTime = text;
  time.title = exact(text);
  time.textContent = moment(text, millis);
  return time;
}
