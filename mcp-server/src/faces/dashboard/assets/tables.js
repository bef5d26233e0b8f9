// Sessions and routes.

import { get, remove, Refusal } from "./api.js";
import { attempt, chip } from "./detail.js";
import { confirm } from "./dialog.js";
import { fresh, h, show, toast } from "./dom.js";
import { when, write } from "./text.js";

const cell = (name, content) => h("td", { "data-name": name }, content);

function grid(columns, rows) {
  return h(
    "table",
    { class: "grid" },
    h("thead", {}, h("tr", {}, [...columns, ""].map((name) => h("th", { scope: "col" }, name || h("span", { class: "unseen" }, "Actions"))))),
    h("tbody", {}, rows),
  );
}

class Table {
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
      const rows = await this.read();
      const content = rows.length === 0 ? h("p", { class: "empty" }, this.none) : grid(this.columns, rows.map((row) => this.row(row)));
      show(this.root, h("div", { class: "page" }, h("h1", {}, this.title), h("p", { class: "lead" }, this.lead), content));
    });
  }

  /** A button that ends something, once it was asked whether to. */
  end(name, title, text, target, done, described) {
    const click = async () => {
      if (!(await confirm(title, text, name))) return;
      await attempt(async () => {
        await remove(target);
        toast(done);
        await this.reload();
      });
    };
    return h("td", {}, h("button", { type: "button", class: "danger", "aria-describedby": described, on: { click } }, name));
  }
}

export class Sessions extends Table {
  title = "Sessions";
  lead = "Running agents. A live one has something attached; what is said to an idle one is kept.";
  none = "No sessions. `doorbell run`, `doorbell mcp --channel` and POST /v1/sessions make them.";
  columns = ["Session", "State", "Folder", "Made", "Ended"];

  async read() {
    return (await get("v1/sessions")).sessions.reverse();
  }

  row(session) {
    const id = fresh("session");
    return h(
      "tr",
      {},
      h("th", { scope: "row", id }, session.id),
      cell("State", chip(session.state)),
      cell("Folder", h("code", {}, session.folder)),
      cell("Made", when(session.created_at)),
      cell("Ended", session.ended_at ? when(session.ended_at) : h("span", { class: "quiet" }, session.named ? "no" : "with its last attachment")),
      session.state === "ended"
        ? h("td")
        : this.end("End", "End session?", `${session.id} ends for good, and what is said to it is refused.`, `v1/sessions/${encodeURIComponent(session.id)}`, "Ended.", id),
    );
  }
}

export class Routes extends Table {
  title = "Routes";
  lead = "Rules that decide, at arrival, where a message goes. The first that matches wins; without one it goes to its webhook's own folder.";
  none = "No routes. Every message goes to its webhook's own folder.";
  columns = ["Seq", "Match", "Sender", "Headers", "Target", "Owner"];

  async read() {
    try {
      return (await get("v1/routes")).routes;
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return [];
      throw error;
    }
  }

  row(route) {
    const id = fresh("route");
    const none = () => h("span", { class: "quiet" }, "any");
    const headers = Object.entries(route.headers ?? {}).map(([name, glob]) => `${name}: ${glob}`);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, String(route.seq)),
      cell("Match", write(h("code", { id }), route.match)),
      cell("Sender", route.sender ? write(h("code", {}), route.sender) : none()),
      cell("Headers", headers.length > 0 ? write(h("code", {}), headers.join(", ")) : none()),
      cell("Target", write(h("code", {}), route.target)),
      cell("Owner", route.owner_folder === "*" ? h("span", { class: "quiet" }, "operator") : h("code", {}, route.owner_folder)),
      this.end("Remove", "Remove route?", `Messages at ${route.match} go by the next rule that matches.`, `v1/routes/${encodeURIComponent(route.route_id)}`, "Removed.", id),
    );
  }
}
