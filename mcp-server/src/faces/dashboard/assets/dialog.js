// Dialogs: the browser's own, so that focus, Escape and the rest of the page are seen to.

import { fresh, h } from "./dom.js";

/** Opens a dialog with this title; `fill` gives its content. It is gone once it is closed. */
export function open(title, fill) {
  const id = fresh("title");
  const dialog = h("dialog", { "aria-labelledby": id });
  dialog.append(h("h2", { id }, title), ...[fill(dialog)].flat());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks whether to go on; `final`: with what cannot be undone. */
export function confirm(title, text, action, final = true) {
  return new Promise((answer) => {
    const dialog = open(title, (dialog) => [
      h("p", {}, text),
      h(
        "p",
        { class: "actions" },
        h("button", { type: "button", autofocus: true, on: { click: () => dialog.close() } }, "Cancel"),
        h("button", { type: "button", class: final ? "danger" : "primary", on: { click: () => dialog.close("yes") } }, action),
      ),
    ]);
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"));
  });
}
