// Doorbell's own tokens in what strangers sent: a sender may repeat the URL it posts to. Where a person
// reads, `[token]` stands in their place. A text is walked once, whatever is in it.

/** A token's prefix; its underscore may be escaped, as in a form or in JSON. */
const PREFIX = /db([hwkc])(?:_|%5[fF]|\\u005[fF])/g;
/** What follows the prefix of a route token or an API key: 43 characters, and a checksum of 6. */
const SHORT = /([0-9A-Za-z]{43})([0-9A-Za-z]{6})/y;
/** A piece of a channel token, which has two with a dot between: claims, and what signs them. */
const PIECE = /[\w-]*/y;
const DOT = /\.|%2[eE]/y;
const LEAST_CLAIMS = 42;
const LEAST_MAC = 43;
/** No token is longer, so no more than this can be left of one where a text was cut. */
const LONGEST = 1024;
const LEFT = /db(?:[hwk](?:_|%5[fF]|\\u005[fF])[0-9A-Za-z]{0,48}|c(?:_|%5[fF]|\\u005[fF])[\w-]*(?:\.|%2[eE])?[\w-]*)$/;
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** What stands where a token stood. */
export const STEAD = "[token]";

/** The CRC32 of ASCII. */
function crc32(text) {
  let crc = 0xffffffff;
  for (let at = 0; at < text.length; at += 1) {
    crc ^= text.charCodeAt(at);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function base62(number) {
  let text = "";
  for (let rest = number; text.length < 6; rest = Math.floor(rest / 62)) text = DIGITS[rest % 62] + text;
  return text;
}

function stick(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Where the route token or API key ends whose prefix ends at `at`; 0 where none is. */
function shortEnd(text, kind, at) {
  const found = stick(SHORT, text, at);
  if (found === null) return 0;
  const [whole, secret, check] = found;
  return base62(crc32(`db${kind}_${secret}`)) === check ? at + whole.length : 0;
}

/** Finds where channel tokens end; pieces that it has walked it does not walk again. */
class Pieces {
  #from = -1;
  #claimsEnd = -1;
  #macEnd = 0;

  constructor(text) {
    this.text = text;
  }

  end(at) {
    const { text } = this;
    if (at < this.#from || at > this.#claimsEnd) {
      this.#from = at;
      this.#claimsEnd = at + stick(PIECE, text, at)[0].length;
      const dot = stick(DOT, text, this.#claimsEnd);
      const mac = dot === null ? 0 : stick(PIECE, text, this.#claimsEnd + dot[0].length)[0].length;
      this.#macEnd = mac >= LEAST_MAC ? this.#claimsEnd + dot[0].length + mac : 0;
    }
    return this.#claimsEnd - at >= LEAST_CLAIMS ? this.#macEnd : 0;
  }
}

/** The text without a token in it. `cut`: it goes on, and may end in the middle of one. */
export function redact(text, cut = false) {
  let whole = text;
  if (cut) {
    const left = LEFT.exec(text.slice(-LONGEST));
    if (left !== null) whole = `${text.slice(0, text.length - left[0].length)}${STEAD}`;
  }
  if (!whole.includes("db")) return whole;
  const pieces = new Pieces(whole);
  let kept = 0;
  let out = "";
  for (const found of whole.matchAll(PREFIX)) {
    if (found.index < kept) continue;
    const at = found.index + found[0].length;
    const end = found[1] === "c" ? pieces.end(at) : shortEnd(whole, found[1], at);
    if (end === 0) continue;
    out += whole.slice(kept, found.index) + STEAD;
    kept = end;
  }
  return kept === 0 ? whole : out + whole.slice(kept);
}
