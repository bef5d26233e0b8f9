// The page: which view is open, who is signed in, and the keys.

import { get, signOut } from "./api.js";
import { Chart } from "./chart.js";
import { Dead, replayAll } from "./dead.js";
import { attempt } from "./detail.js";
import { h } from "./dom.js";
import { Folders } from "./folders.js";
import { issue } from "./issue.js";
import { Messages } from "./messages.js";
import { start } from "./start.js";
import { Routes, Sessions } from "./tables.js";

const main = document.getElementById("main");
const who = get("v1/whoami");
let current = { name: null, view: null };

const chart = new Chart();
const stage = h("div", { class: "stage" });

/** Where somebody was on the way to when they were sent to the issuer to sign in. */
function resume() {
  const kept = sessionStorage.getItem("doorbell-at");
  sessionStorage.removeItem("doorbell-at");
  if (location.hash === "" && kept?.startsWith("#/")) history.replaceState(null, "", kept);
}

const VIEWS = {
  messages: () => new Messages(stage, { base: "#/messages", empty: () => start(who, issueAny) }),
  folders: () => new Folders(stage),
  sessions: () => new Sessions(stage),
  routes: () => new Routes(stage),
  dead: () =>
    new Messages(stage, {
      base: "#/dead",
      fixed: "dead",
      tools: (view) => replayAll(view, () => dead.look()),
      empty: () => h("p", { class: "empty" }, "Nothing is dead. What five leases brought to no end is listed here, to be replayed."),
    }),
};

function go() {
  const address = /^#\/(\w+)(?:\/([0-9A-Z]{26}))?(?:\?(.*))?$/.exec(location.hash) ?? [];
  const [, name = "messages", id = null, filter = ""] = address;
  const query = new URLSearchParams(filter);
  const known = Object.hasOwn(VIEWS, name) ? name : "messages";
  if (known !== current.name) {
    current.view?.close();
    current = { name: known, view: VIEWS[known]() };
    for (const link of document.querySelectorAll("nav a")) {
      if (link.dataset.view === known) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${known[0].toUpperCase()}${known.slice(1)} · Doorbell`;
    chart.root.hidden = known !== "messages" && known !== "folders";
    current.view.open(query);
  }
  if (current.view instanceof Messages) {
    current.view.seek(query);
    current.view.choose(id);
  }
}

async function issueAny() {
  await attempt(async () => {
    const [{ folders }, me] = await Promise.all([get("v1/folders"), who]);
    const names = folders.map((entry) => entry.folder);
    issue(me.folder ?? (names.length === 1 ? names[0] : null), names, () => {
      if (current.view instanceof Folders) current.view.reload();
    });
  });
}

/** j and k, arrows, Enter (the link's own), Escape, and / for the filter. */
function key(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]") !== null || !(current.view instanceof Messages)) return;
  const { target } = event;
  if (target instanceof Element && target.closest("input, textarea, select") !== null) {
    if (event.key === "Escape") target.blur();
    return;
  }
  const inTabs = target instanceof Element && target.closest(".tabs") !== null;
  const step = { j: 1, k: -1, ...(inTabs ? {} : { ArrowDown: 1, ArrowUp: -1 }) }[event.key];
  if (step !== undefined) {
    if (current.view.step(step)) event.preventDefault();
  } else if (event.key === "/") {
    event.preventDefault();
    current.view.filter.focus();
  } else if (event.key === "Escape" && current.view.detail.id !== null) {
    current.view.leave();
  }
}

main.replaceChildren(chart.root, stage);
document.getElementById("issue").addEventListener("click", issueAny);
document.getElementById("sign-out").addEventListener("click", () => attempt(signOut));
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
document.addEventListener("keydown", key);
window.addEventListener("hashchange", go);
chart.open();
const dead = new Dead(document.querySelector('nav a[data-view="dead"]'));
resume();
go();
dead.open();
await attempt(async () => {
  const me = await who;
  document.getElementById("who").textContent = me.principal === "operator" ? "operator" : me.folder;
});
