// The dashboard in a real Chromium. `node dashboard.mjs <scenario>` reads one line of JSON (where the
// server is, a key, what was posted) and prints one line for each step; a step that fails ends it.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const told = JSON.parse(readFileSync(0, "utf8"));
const own = new URL(told.control).origin;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

function step(name, more = {}) {
  console.log(JSON.stringify({ step: name, ...more }));
}

/** A page that notes whatever a payload must not bring about. */
async function visit(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  // As patient as the other tests: whatever hangs meets it, and a busy machine does not.
  page.setDefaultTimeout(300_000);
  const bad = [];
  page.on("dialog", (dialog) => {
    bad.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("pageerror", (error) => bad.push(`an error: ${error.stack ?? error}`));
  page.on("popup", () => bad.push("a popup"));
  page.on("console", (message) => {
    if (/content security policy|trusted/i.test(message.text())) bad.push(message.text());
  });
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== "blob:" && protocol !== "data:" && origin !== own) bad.push(`a request to ${request.url()}`);
  });
  await page.addInitScript(() => {
    globalThis.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => globalThis.violations.push(event.violatedDirective));
  });
  const quiet = async () => {
    bad.push(...(await page.evaluate(() => globalThis.violations ?? [])).map((rule) => `a violation of ${rule}`));
    assert.deepEqual(bad, []);
    assert.equal(await page.evaluate(() => typeof globalThis.pwned), "undefined");
  };
  return { context, page, quiet };
}

async function signIn(page, key = told.key) {
  const answer = await page.goto(told.control);
  assert.equal(answer.status(), 401);
  await page.getByLabel("Operator key or API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Live", { exact: true }).waitFor();
}

async function post(url, body, headers = {}) {
  return fetch(url, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });
}

/** What lies in the clipboard, by pasting it where it can be read: it comes a moment behind the keys. */
async function copied(page) {
  const field = page.getByLabel("Filter by address");
  await field.focus();
  await page.keyboard.press("Control+V");
  await page.waitForFunction((input) => input.value !== "", await field.elementHandle());
  const text = await field.inputValue();
  await field.fill("");
  return text;
}

const rows = (page) => page.getByRole("list", { name: "Messages", exact: true }).getByRole("link");
const detail = (page) => page.locator("section.detail");

async function issue(page, { folder, source, suffix = "", context = "", expires = null }) {
  await page.getByRole("banner").getByRole("button", { name: "Issue webhook" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Folder").fill(folder);
  await dialog.getByLabel("Source").fill(source);
  await dialog.getByLabel("Suffix").fill(suffix);
  await dialog.getByLabel("Context").fill(context);
  if (expires !== null) await dialog.getByLabel("Expires").selectOption(expires);
  await dialog.getByRole("button", { name: "Issue", exact: true }).click();
  return dialog;
}

async function accessible(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 120)} (${node.failureSummary})`).join("; ")}`);
  });
  assert.deepEqual(found, [], what);
}

const scenarios = {
  async walk() {
    const { context, page, quiet } = await visit({ permissions: ["clipboard-read", "clipboard-write"] });
    await page.goto(told.control);
    await page.getByLabel("Operator key or API key").fill("nonsense");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("unknown").waitFor();
    await signIn(page);
    await page.getByText("No messages yet.").waitFor();
    await page.getByText("claude mcp add doorbell -- ").waitFor();
    await page.getByText("curl -d ").waitFor();
    const cookies = await context.cookies();
    assert.equal(cookies.length, 1);
    assert.ok(cookies[0].httpOnly && cookies[0].sameSite === "Strict");
    assert.equal(await page.evaluate(() => document.cookie), "");
    step("signed in");

    let dialog = await issue(page, { folder: "acme/../eng", source: "github" });
    await dialog.getByRole("alert").getByText("Folder").waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    dialog = await issue(page, { folder: "acme/eng", source: "github", suffix: "web", context: "push events", expires: "In 7 days" });
    const field = dialog.getByLabel("Webhook URL");
    const url = await field.inputValue();
    assert.match(url, /\/hook\/dbh_\w{49}$/);
    assert.notEqual(await field.getAttribute("readonly"), null);
    await dialog.getByText("Settings, Webhooks, Add webhook").waitFor();
    await dialog.getByText("only this machine").first().waitFor();
    await dialog.getByText(`curl -d '{"hello":"doorbell"}' '${url}'`).waitFor();
    await dialog.getByRole("button", { name: "Copy", exact: true }).click();
    await dialog.getByText("Copied.").first().waitFor();
    await dialog.getByRole("button", { name: "Done" }).click();
    // The dialog goes a moment behind the click.
    await page.waitForFunction((token) => !document.documentElement.outerHTML.includes(token), url.split("/").at(-1));
    assert.equal(await copied(page), url);
    step("issued", { url });

    const sent = Date.now();
    const answer = await post(url, '{"ref":"refs/heads/main","n":12345678901234567890}', { "x-github-event": "push" });
    assert.equal(answer.status, 200);
    const id = answer.headers.get("x-message-id");
    await rows(page).first().getByText("push").waitFor();
    step("arrived", { after_ms: Date.now() - sent });

    await rows(page).first().click();
    await page.waitForURL((url) => url.href.endsWith(`/messages/${id}`));
    await detail(page).getByText("12345678901234567890").waitFor();
    await detail(page).getByRole("button", { name: "Raw" }).click();
    await detail(page).getByText('{"ref":"refs/heads/main","n":12345678901234567890}').waitFor();
    await detail(page).getByRole("button", { name: "Hex" }).click();
    await detail(page).getByText("00000000  7b 22 72 65 66").waitFor();
    await detail(page).getByRole("tab", { name: "Headers" }).click();
    await detail(page).getByRole("rowheader", { name: "x-github-event" }).waitFor();
    await detail(page).getByRole("tab", { name: "Context" }).click();
    await detail(page).getByText("push events").waitFor();
    const downloading = page.waitForEvent("download");
    await detail(page).getByRole("tab", { name: "Body" }).click();
    await detail(page).getByRole("button", { name: "Download" }).click();
    assert.equal((await downloading).suggestedFilename(), `${id}.bin`);
    step("looked at");

    await detail(page).getByRole("tab", { name: "Life" }).click();
    await detail(page).getByText("accepted", { exact: true }).waitFor();
    await detail(page).getByText("matched", { exact: true }).waitFor();
    await detail(page).getByRole("button", { name: "Replay" }).click();
    await detail(page).getByText("replayed", { exact: true }).waitFor();
    step("replayed");

    await page.getByRole("link", { name: "Folders" }).click();
    const folder = page.getByRole("region", { name: "acme/eng" });
    await folder.getByRole("button", { name: "Issue webhook" }).waitFor();
    await folder.getByRole("rowheader", { name: "hook:acme/eng/github/web" }).waitFor();
    await folder.getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByText("It is the only one of its address.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    assert.equal((await post(url, "{}")).status, 200);
    await folder.getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText("Revoked.").waitFor();
    assert.equal((await post(url, "{}")).status, 401);
    step("revoked");

    for (const view of ["Sessions", "Routes", "Dead"]) {
      await page.getByRole("link", { name: view }).click();
      await page.waitForFunction((title) => document.title.startsWith(title), view);
    }
    await quiet();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Operator key or API key").waitFor();
    assert.equal((await page.goto(told.control)).status(), 401);
    assert.deepEqual(await context.cookies(), []);
    step("signed out");
  },

  /** What was posted is looked at in every way there is: `told.ids`, newest first. */
  async hostile() {
    const { page, quiet } = await visit();
    await signIn(page);
    await rows(page).nth(told.ids.length - 1).waitFor();
    for (const id of told.ids) {
      await page.evaluate((to) => { location.hash = `#/messages/${to}`; }, id);
      await detail(page).getByText(id).waitFor();
      for (const way of ["Raw", "Hex", "Pretty"]) {
        const button = detail(page).getByRole("button", { name: way });
        if ((await button.count()) > 0) await button.click();
      }
      for (const tab of ["Headers", "Context", "Life", "Body"]) {
        await detail(page).getByRole("tab", { name: tab }).click();
        const seen = await page.evaluate(() => ({
          text: document.body.innerText,
          made: document.querySelectorAll("main :is(script, img, iframe, object, embed, form:not([role=search]), link, style, base, video, b b, a[href^='javascript:'], a[href^='http'], [onerror], [onload], [onclick], [style], [srcdoc])").length,
        }));
        assert.equal(seen.made, 0, `${id} ${tab}`);
        // eslint-disable-next-line no-control-regex
        assert.ok(!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/.test(seen.text), `${id} ${tab}`);
      }
    }
    for (const view of ["Folders", "Sessions", "Routes", "Dead", "Messages"]) {
      await page.getByRole("link", { name: view }).click();
      await page.waitForFunction((title) => document.title.startsWith(title), view);
      await page.waitForFunction(() => !document.body.innerText.includes("Loading"));
    }
    // It is all there to be read, as text.
    await page.evaluate((to) => { location.hash = `#/messages/${to}`; }, told.shown.id);
    for (const text of told.shown.texts) await detail(page).getByText(text).first().waitFor();
    assert.equal(await page.evaluate(() => ({}).polluted), undefined);
    await quiet();
    step("nothing happened");
  },

  /** From the form to a replay and out, without a pointer. */
  async keyboard() {
    const { page, quiet } = await visit();
    const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    const focused = () => page.evaluate(() => document.activeElement?.textContent.trim());
    await page.goto(told.control);
    await page.keyboard.type(told.key);
    await press("Enter");
    await rows(page).nth(2).waitFor();
    await press("j");
    const newest = await page.evaluate(() => document.activeElement.dataset.id);
    assert.equal(newest, told.ids[0]);
    await press("j", "ArrowDown", "k", "Enter");
    await detail(page).getByText(told.ids[1]).first().waitFor();
    assert.equal(await rows(page).nth(1).getAttribute("aria-current"), "true");
    await press("Escape");
    await detail(page).getByText("Choose a message").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.dataset.id), told.ids[1]);
    await press("/");
    await page.keyboard.type("hook:acme/none");
    await press("Enter");
    await page.getByText("Nothing matches.").waitFor();
    await page.getByLabel("Filter by address").fill("");
    await rows(page).nth(2).waitFor();
    step("filtered");

    await press("Escape", "j", "Enter");
    await detail(page).getByRole("tab", { name: "Body" }).waitFor();
    await detail(page).getByRole("tab", { name: "Body" }).focus();
    await press("ArrowRight", "ArrowRight", "ArrowRight");
    assert.equal(await focused(), "Life");
    await press("Shift+Tab");
    assert.equal(await focused(), "Replay");
    await press("Enter");
    await detail(page).getByText("replayed", { exact: true }).waitFor();
    step("replayed");

    await page.getByRole("banner").getByRole("button", { name: "Issue webhook" }).focus();
    await press("Enter");
    await page.getByRole("dialog").waitFor();
    await press("j", "Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await focused(), "Issue webhook");
    await press("Tab");
    assert.equal(await focused(), "Sign out");
    await press("Enter");
    await page.getByLabel("Operator key or API key").waitFor();
    await quiet();
    step("signed out");
  },

  /** Every view, light and dark, on a desk and on a phone: nothing to scroll sideways, nothing axe minds. */
  async sizes() {
    for (const [name, options] of [
      ["desk", {}],
      ["dark", { colorScheme: "dark" }],
      ["phone", { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }],
      ["dark phone", { viewport: { width: 360, height: 740 }, colorScheme: "dark", reducedMotion: "reduce" }],
    ]) {
      const { context, page, quiet } = await visit(options);
      const look = async (what) => {
        const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= inner, `${name}, ${what}: ${wide} > ${inner}`);
        // What a dialog or a pane cuts off does not widen the page.
        const cut = await page.evaluate(() =>
          [...document.querySelectorAll("dialog, .list, .detail, .page")].filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.className || box.tagName),
        );
        assert.deepEqual(cut, [], `${name}, ${what}`);
        await accessible(page, `${name}, ${what}`);
      };
      await page.goto(told.control);
      await look("form");
      await signIn(page);
      await rows(page).first().waitFor();
      await look("messages");
      await rows(page).first().click();
      for (const tab of ["Body", "Headers", "Context", "Life"]) {
        await detail(page).getByRole("tab", { name: tab }).click();
        await look(tab);
      }
      if (name.includes("phone")) {
        // The page follows its address, a moment behind the click.
        await rows(page).first().waitFor({ state: "hidden" });
        await page.getByRole("link", { name: "All messages" }).click();
        await rows(page).first().waitFor({ state: "visible" });
      }
      for (const view of ["Folders", "Sessions", "Routes", "Dead"]) {
        await page.getByRole("link", { name: view }).click();
        await page.waitForFunction((title) => document.title.startsWith(title), view);
        await page.waitForFunction(() => !document.body.innerText.includes("Loading"));
        await look(view);
      }
      await page.getByRole("link", { name: "Folders" }).click();
      await page.getByRole("button", { name: "Revoke" }).first().click();
      await look("confirm");
      await page.keyboard.press("Escape");
      await page.getByRole("banner").getByRole("button", { name: "Issue webhook" }).click();
      await page.getByRole("dialog").getByLabel("Expires").waitFor();
      await look("form of a webhook");
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const dialog = await issue(page, { folder: "acme/eng", source: "slack", suffix: "phone" });
      await dialog.getByLabel("Webhook URL").waitFor();
      await look("issued");
      await quiet();
      await context.close();
      step(name);
    }
  },

  /** `told.count` messages in the log, then `told.url` is posted to as fast as it takes it. */
  async many() {
    const { page, quiet } = await visit();
    const began = Date.now();
    await signIn(page);
    await rows(page).nth(99).waitFor();
    const first = Date.now() - began;
    step("rows", { after_ms: first });
    const nodes = () => page.evaluate(() => document.querySelectorAll("*").length);
    for (let pages = 0; pages < 8; pages += 1) {
      const before = await page.locator(".rows li:last-child a").getAttribute("data-id");
      await page.getByRole("button", { name: "Older" }).click();
      await page.waitForFunction((last) => document.querySelector(".rows li:last-child a").dataset.id < last, before);
    }
    assert.ok((await rows(page).count()) <= 500);
    assert.ok((await nodes()) < 5000, `${await nodes()} elements`);
    await page.getByRole("button", { name: "Newest" }).click();
    await page.waitForFunction((newest) => document.querySelector(".rows li a")?.dataset.id === newest, told.newest);
    step("paged");

    // The page stays quick while a burst lands: a frame is never long in coming.
    await page.evaluate(() => {
      globalThis.longest = 0;
      let last = performance.now();
      const look = () => {
        const now = performance.now();
        globalThis.longest = Math.max(globalThis.longest, now - last);
        last = now;
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    const burst = Date.now();
    let sent = 0;
    let newest = null;
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (sent < told.burst) {
          sent += 1;
          const answer = await post(told.url, JSON.stringify({ burst: sent }));
          assert.equal(answer.status, 200);
          const id = answer.headers.get("x-message-id");
          if (newest === null || id > newest) newest = id;
        }
      }),
    );
    const took = Date.now() - burst;
    await page.waitForFunction((id) => document.querySelector(".rows li a").dataset.id === id, newest);
    const longest = await page.evaluate(() => globalThis.longest);
    assert.ok((await rows(page).count()) <= 500);
    assert.ok((await nodes()) < 5000, `${await nodes()} elements`);
    const ids = await page.evaluate(() => [...document.querySelectorAll(".rows a")].map((row) => row.dataset.id));
    assert.deepEqual(ids, [...ids].sort().reverse());
    assert.equal(new Set(ids).size, ids.length);
    step("burst", { per_second: Math.round((told.burst * 1000) / took), longest_frame_ms: Math.round(longest) });

    await page.getByRole("button", { name: "Pause" }).click();
    const still = await rows(page).first().getAttribute("data-id");
    await post(told.url, "{}");
    await page.getByRole("button", { name: "Resume (1 new)" }).waitFor();
    assert.equal(await rows(page).first().getAttribute("data-id"), still);
    await page.getByRole("button", { name: "Resume (1 new)" }).click();
    await page.waitForFunction((id) => document.querySelector(".rows li a").dataset.id > id, still);
    await page.getByLabel("State").selectOption("dead");
    await page.getByText("Nothing matches.").waitFor();
    await quiet();
    step("paused");
  },

  /** A link to a message is opened by somebody who has to sign in first, and once more when they were signed out. */
  async deep() {
    const { context, page, quiet } = await visit();
    const to = `${told.control}/#/messages/${told.id}`;
    const form = page.getByLabel("Operator key or API key");
    await page.goto(to);
    await form.fill("nonsense");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("unknown").waitFor();
    await form.fill(told.key);
    await page.keyboard.press("Enter");
    await detail(page).getByText("deep").waitFor();
    assert.equal(page.url(), to);
    // Signed out elsewhere: the next thing that is asked for shows the form, and the address stays.
    await context.clearCookies();
    await detail(page).getByRole("button", { name: "Replay" }).click();
    await form.fill(told.key);
    await page.keyboard.press("Enter");
    await detail(page).getByText("deep").waitFor();
    assert.equal(page.url(), to);
    await quiet();
    step("there");
  },

  /** What is typed filters, by pattern and by words, stands in the address, and is never taken for a server that is gone. */
  async filter() {
    const { page, quiet } = await visit();
    await signIn(page);
    await rows(page).nth(3).waitFor();
    const filter = page.getByLabel("Filter by address or text");
    const shows = (count) => page.waitForFunction((count) => document.querySelectorAll(".rows a").length === count, count);
    const live = () => page.getByText("Live", { exact: true }).waitFor();
    // As it is typed, without Enter.
    await filter.pressSequentially("hook:acme/**");
    await shows(3);
    await live();
    assert.equal(new URLSearchParams(page.url().split("?")[1]).get("filter"), "hook:acme/**");
    for (const [words, count] of [["needle", 1], ["NEEDLE hay", 1], ["needle nothing", 0], ["x-kind: odd", 1], ["hook:acme/** deep", 1], ["hook:other/** deep", 0], ["pull_request", 1]]) {
      await filter.fill(words);
      await shows(count);
      await live();
    }
    // What comes is filtered too.
    await filter.fill("fresh");
    await shows(0);
    await page.getByText("Nothing matches.").waitFor();
    await live();
    await post(told.url, "something else");
    await post(told.url, "a fresh one");
    await shows(1);
    step("words");

    await filter.fill("hook:acme//x");
    const alert = page.getByRole("alert");
    await alert.getByText("segment").first().waitFor();
    assert.equal(await filter.getAttribute("aria-invalid"), "true");
    assert.equal(await page.getByText("Offline").count(), 0);
    await page.getByText("Not following").waitFor();
    await filter.fill("hook:a/** hook:b/**");
    await alert.getByText("One pattern at a time").waitFor();
    await filter.fill("");
    await rows(page).nth(3).waitFor();
    await live();
    assert.equal(await filter.getAttribute("aria-invalid"), "false");
    step("wrong");

    // The address alone brings it back, with the message that was open.
    await filter.fill("needle");
    await shows(1);
    await rows(page).first().click();
    await detail(page).getByText("needle in the hay").waitFor();
    const address = page.url();
    await page.reload();
    await shows(1);
    await detail(page).getByText("needle in the hay").waitFor();
    assert.equal(await filter.inputValue(), "needle");
    assert.equal(page.url(), address);
    await page.getByRole("link", { name: "Messages" }).click();
    await rows(page).nth(3).waitFor();
    assert.equal(await filter.inputValue(), "");
    // A token that is pasted does not stay in the address.
    await filter.fill(told.url);
    await page.waitForFunction(() => location.hash.includes("token"));
    assert.ok(!page.url().includes(told.url.split("/").at(-1)));
    await quiet();
    step("address");
  },

  /** A body that repeats the URL it came by: nowhere on the page does the token stand. */
  async token() {
    const { page, quiet } = await visit({ permissions: ["clipboard-read", "clipboard-write"] });
    await signIn(page);
    await rows(page).nth(told.ids.length - 1).waitFor();
    const clean = async (what) => {
      const text = await page.evaluate(() => document.documentElement.outerHTML);
      for (const token of told.tokens) {
        assert.ok(!text.includes(token), what);
        assert.ok(!text.includes(token.slice(4, 40)), `a piece of one, ${what}`);
        const bytes = [...token.slice(4, 20)].map((character) => character.charCodeAt(0).toString(16)).join(" ");
        assert.ok(!text.replace(/\s+/g, " ").includes(bytes), `its bytes, ${what}`);
      }
    };
    await clean("list");
    for (const id of told.ids) {
      await page.evaluate((to) => { location.hash = `#/messages/${to}`; }, id);
      await detail(page).getByText(id).first().waitFor();
      for (const way of ["Pretty", "Raw", "Hex"]) {
        await detail(page).getByRole("button", { name: way }).click();
        await detail(page).locator(".view").getByText("[token]").first().waitFor();
        await clean(`${id} ${way}`);
      }
      for (const tab of ["Headers", "Context", "Life", "Body"]) {
        await detail(page).getByRole("tab", { name: tab }).click();
        await clean(`${id} ${tab}`);
      }
    }
    // As curl it is verbatim, and says so.
    await detail(page).getByRole("button", { name: "Copy as curl" }).click();
    await page.getByText("verbatim. Set URL").waitFor();
    const line = await copied(page);
    assert.ok(line.includes(told.tokens[0]) && line.includes("--data-raw"), line);
    await clean("copied");
    await quiet();
    step("clean");
  },

  /** What an empty server offers: a test that arrives. Then dead messages are counted and replayed. */
  async start() {
    const { page, quiet } = await visit();
    await signIn(page);
    await page.getByText("No messages yet.").waitFor();
    await page.getByText("Only this machine").or(page.getByText("only this machine")).first().waitFor();
    await accessible(page, "empty");
    await page.getByRole("button", { name: "Send a test" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Answered 200.").waitFor();
    await dialog.getByLabel("Webhook URL").waitFor();
    await accessible(page, "tested");
    await dialog.getByRole("link", { name: "Look at it" }).click();
    await detail(page).getByText("hook:demo/try").first().waitFor();
    await detail(page).getByText("test", { exact: true }).waitFor();
    step("tested");
    const time = await detail(page).locator(".facts time").getAttribute("title");
    assert.match(time, /^\w+, \d+ \w+ \d{4}.*(UTC|GMT|[A-Z]{3,4}).*\(\d{4}-/);

    await page.getByRole("link", { name: "Folders" }).click();
    await page.getByRole("button", { name: "Test", exact: true }).click();
    await dialog.getByLabel("Body").fill("plain words");
    await dialog.getByRole("button", { name: "Send", exact: true }).click();
    await dialog.getByText("Answered 200.").waitFor();
    await dialog.getByRole("link", { name: "Look at it" }).click();
    await detail(page).getByText("plain words").first().waitFor();
    await quiet();
    step("sent");
  },

  /** Dead messages: a badge, why they died, and all of them replayed at once. */
  async dead() {
    const { page, quiet } = await visit();
    await signIn(page);
    const link = page.getByRole("link", { name: /^Dead/ });
    await link.getByText(String(told.count)).waitFor();
    await link.click();
    const list = page.getByRole("list", { name: "Dead messages" }).getByRole("link");
    await list.nth(told.count - 1).waitFor();
    await list.first().click();
    await detail(page).getByRole("tab", { name: "Life" }).click();
    await detail(page).getByText(told.reason).first().waitFor();
    await page.getByRole("button", { name: "Replay all" }).click();
    await page.getByRole("dialog").getByText("All dead messages").waitFor();
    await accessible(page, "replay all");
    await page.getByRole("dialog").getByRole("button", { name: "Replay all" }).click();
    await page.getByText(`Replayed ${told.count} messages.`).waitFor();
    await page.getByText("Nothing is dead.").waitFor();
    await link.getByText(String(told.count)).waitFor({ state: "hidden" });
    await quiet();
    step("replayed");
  },

  /** One URL of several of an address ends; the others stay. */
  async revoke() {
    const { page, quiet } = await visit();
    await signIn(page);
    await page.getByRole("link", { name: "Folders" }).click();
    const buttons = page.getByRole("button", { name: "Revoke" });
    await buttons.nth(2).waitFor();
    await buttons.nth(1).click();
    await page.getByRole("dialog").getByText("This ends one URL").waitFor();
    await page.getByRole("dialog").getByText("2 others of the same address stay.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 2);
    await quiet();
    step("revoked");
  },

  /** Its key is revoked meanwhile, by whoever reads what this prints. */
  async dies() {
    const { page } = await visit();
    await signIn(page);
    step("signed in");
    await page.getByLabel("Operator key or API key").waitFor();
    step("signed out");
  },
};

try {
  await scenarios[process.argv[2]]();
} catch (error) {
  console.log(JSON.stringify({ failed: String(error.stack ?? error) }));
  process.exitCode = 1;
} finally {
  await browser.close();
}
