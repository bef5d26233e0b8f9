// A request as a line for a shell: what was sent, byte for byte, to a URL of the reader's own.

import { bytesOf } from "./format.js";
import { hides } from "./text.js";

/** What curl says by itself, or what was said for the way here alone. */
const OWN = new Set(["accept-encoding", "connection", "content-length", "expect", "host", "transfer-encoding"]);

/** A word that a POSIX shell reads as this text and nothing else. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Base64 of bytes. */
function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/**
 * The line. Bytes that a terminal would act upon, even when pasted, go through base64; a header that
 * holds such is left out, and said.
 */
export function curl(message) {
  const words = ["curl -g -X", quoted(message.method), `"$URL"${message.query ? quoted(`?${message.query}`) : ""}`];
  let left = 0;
  for (const [name, value] of Object.entries(message.headers)) {
    if (OWN.has(name)) continue;
    if (hides(`${name}${value}`) || value.includes("\n")) left += 1;
    else words.push("-H", quoted(value === "" ? `${name};` : `${name}: ${value}`));
  }
  if (message.headers["content-type"] === undefined) words.push("-H 'content-type:'");
  const body = bytesOf(message);
  if (body.length === 0) return { line: words.join(" "), left };
  if (message.body_encoding !== "base64" && !hides(message.body)) {
    return { line: `${words.join(" ")} --data-raw ${quoted(message.body)}`, left };
  }
  return { line: `printf %s ${quoted(base64(body))} | base64 -d | ${words.join(" ")} --data-binary @-`, left };
}
