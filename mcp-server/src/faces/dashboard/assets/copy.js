// To the clipboard, and a line that can be copied.

import { fresh, h } from "./dom.js";

/** Copies a text; says whether the browser let us. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Selects what an element shows, for whoever has to press the keys. */
function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

/** A line to be typed elsewhere, and a button that copies it. */
export function line(text, what) {
  const code = h("code", { id: fresh("line") }, text);
  const said = h("span", { class: "copied", role: "status" });
  const click = async () => {
    if (await copy(text)) {
      said.textContent = "Copied.";
    } else {
      select(code);
      said.textContent = "Press Ctrl+C to copy.";
    }
  };
  const button = h("button", { type: "button", "aria-label": `Copy ${what}`, on: { click } }, "Copy");
  return h("div", { class: "line" }, h("pre", { tabindex: "0", "aria-label": what }, code), button, said);
}
