// Folders: what waits in each, its sessions, and the webhooks that fill it.

import { get, remove } from "./api.js";
import { attempt } from "./detail.js";
import { confirm } from "./dialog.js";
import { fresh, h, show, toast } from "./dom.js";
import { issue } from "./issue.js";
import { sendTest } from "./test.js";
import { count, when, write } from "./text.js";

export class Folders {
  constructor(root) {
    this.root = root;
  }

  async open() {
    show(this.root, h("p", { class: "empty" }, "Loading"));
    await this.reload();
  }

  close() {}

  async reload() {
    await attempt(async () => {
      const { folders, warning } = await get("v1/folders");
      const names = folders.map((entry) => entry.folder);
      if (folders.length === 0) {
        show(
          this.root,
          h(
            "div",
            { class: "empty" },
            h("p", {}, "No folders yet. A folder is an agent's home; issue a webhook and it is there."),
          ),
        );
        return;
      }
      show(this.root, h("div", { class: "page" }, h("h1", {}, "Folders"), warning ? h("p", { class: "warn" }, warning) : null, folders.map((entry) => this.#folder(entry, names))));
    });
  }

  #folder(entry, names) {
    const title = fresh("folder");
    const again = () => this.reload();
    const facts = [
      [entry.ready, "waiting"],
      [entry.leased, "leased"],
      [entry.resting, "resting"],
      [entry.sessions, entry.sessions === 1 ? "session" : "sessions"],
    ].filter(([number], at) => at === 0 || number > 0);
    return h(
      "section",
      { class: "folder", "aria-labelledby": title },
      h(
        "div",
        { class: "headline" },
        h("h2", { id: title }, entry.folder),
        h("p", { class: "counts" }, facts.map(([number, name]) => `${count(number)} ${name}`).join(" · ")),
        h("button", { type: "button", "aria-describedby": title, on: { click: () => issue(entry.folder, names, again) } }, "Issue webhook"),
      ),
      entry.tokens.length === 0
        ? h("p", { class: "empty" }, "No webhooks.")
        : h(
            "table",
            { class: "grid" },
            h("thead", {}, h("tr", {}, ["Address", "Context", "Issued", "Expires", "Last used", ""].map((name) => h("th", { scope: "col" }, name || h("span", { class: "unseen" }, "Actions"))))),
            h("tbody", {}, entry.tokens.map((token) => this.#token(token, entry.tokens))),
          ),
    );
  }

  /** One URL. `all`: those of the same folder, among which are all of its address. */
  #token(token, all) {
    const address = fresh("jid");
    const cell = (name, content) => h("td", { "data-name": name }, content);
    return h(
      "tr",
      {},
      write(h("th", { scope: "row", id: address }), token.jid),
      cell("Context", token.context ? write(h("span", {}), token.context) : h("span", { class: "quiet" }, "none")),
      cell("Issued", when(token.created_at)),
      cell("Expires", token.expires_at ? when(token.expires_at) : h("span", { class: "quiet" }, "never")),
      cell("Last used", token.last_used_at ? when(token.last_used_at) : h("span", { class: "quiet" }, "not yet")),
      h(
        "td",
        { class: "does" },
        token.jid.startsWith("hook:") ? h("button", { type: "button", "aria-describedby": address, on: { click: () => sendTest(token) } }, "Test") : null,
        h("button", { type: "button", class: "danger", "aria-describedby": address, on: { click: () => this.#revoke(token, all) } }, "Revoke"),
      ),
    );
  }

  /** Ends one URL; others of the same address stay. */
  async #revoke(token, all) {
    const { jid, grant_id: id } = token;
    const others = all.filter((other) => other.jid === jid).length - 1;
    const left = others === 0 ? "It is the only one of its address." : others === 1 ? "Another one of the same address stays." : `${count(others)} others of the same address stay.`;
    const sure = await confirm(
      "Revoke webhook?",
      `This ends one URL of ${jid}: whatever posts to it is refused from now on, and it cannot be brought back. ${left}`,
      "Revoke",
    );
    if (!sure) return;
    await attempt(async () => {
      await remove(`v1/grants/${encodeURIComponent(id)}`);
      toast("Revoked.");
      await this.reload();
    });
  }
}
