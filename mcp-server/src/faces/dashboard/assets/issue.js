// Issuing a webhook: a form, then its URL, once, and where to paste it.

import { get, post, Refusal } from "./api.js";
import { copy, line } from "./copy.js";
import { open } from "./dialog.js";
import { fresh, h, show, tell } from "./dom.js";
import { outcome } from "./test.js";
import { plain, when } from "./text.js";

const HOUR = 3600;
const LIVES = [["Never", 0], ["In an hour", HOUR], ["In a day", 24 * HOUR], ["In 7 days", 168 * HOUR], ["In 30 days", 720 * HOUR], ["In a year", 8760 * HOUR]];
/** The API's names for the fields of the form. */
const FIELDS = { target_folder: "Folder", source_label: "Source", jid_suffix: "Suffix", context: "Context", ttl_seconds: "Expires" };

const sources = { known: null };

async function known() {
  sources.known ??= await get("v1/sources");
  return sources.known;
}

/** The same sender that the server would take a label to mean, as far as the list says. */
function stepsFor(list, label) {
  const parts = label.toLowerCase().split(/[-_]/);
  return list.sources.find((source) => parts.includes(source.label) || parts.join("") === source.label) ?? list.other;
}

/** Opens the form. `folder`: the one to begin with; `folders`: those to choose from. `issued` is told afterwards. */
export function issue(folder, folders, issued) {
  let made = false;
  const dialog = open("Issue webhook", (dialog) => {
    const content = h("div");
    form(dialog, content, folder, folders, () => {
      made = true;
    });
    return [content];
  });
  dialog.addEventListener("close", () => made && issued());
}

function field(label, control, hint = null) {
  const id = fresh("field");
  control.id = id;
  const note = hint === null ? null : h("small", { id: `${id}-hint` }, hint);
  if (note !== null) control.setAttribute("aria-describedby", note.id);
  return h("p", { class: "field" }, h("label", { for: id }, label), control, note);
}

function choices(values) {
  return h("datalist", { id: fresh("choices") }, values.map((value) => h("option", { value })));
}

function form(dialog, content, folder, folders, issued) {
  const text = (more) => h("input", { type: "text", spellcheck: "false", autocapitalize: "off", autocomplete: "off", ...more });
  const folderList = choices(folders);
  const sourceList = choices([]);
  known().then((list) => sourceList.append(...list.sources.map((source) => h("option", { value: source.label }, source.title))), () => {});
  const inputs = {
    target_folder: text({ required: true, value: folder ?? "", list: folderList.id, placeholder: "acme/eng" }),
    source_label: text({ required: true, list: sourceList.id, placeholder: "github" }),
    jid_suffix: text({ placeholder: "none" }),
    context: h("textarea", { rows: "2", maxlength: "4000", placeholder: "push events; summarise daily" }),
    ttl_seconds: h("select", {}, LIVES.map(([name, seconds]) => h("option", { value: seconds }, name))),
  };
  const said = h("p", { class: "said", role: "alert", hidden: true });
  const submit = h("button", { type: "submit", class: "primary" }, "Issue");
  const send = async (event) => {
    event.preventDefault();
    submit.disabled = true;
    said.hidden = true;
    const ask = {};
    for (const [name, input] of Object.entries(inputs)) {
      input.removeAttribute("aria-invalid");
      const value = name === "context" ? input.value : input.value.trim();
      if (value !== "" && value !== "0") ask[name] = name === "ttl_seconds" ? Number(value) : value;
    }
    try {
      const token = await post("v1/route_tokens/hook", ask);
      issued();
      result(dialog, content, ask, token, await known());
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const input = inputs[error.field];
      said.textContent = input ? error.message.replace(error.field, FIELDS[error.field]) : error.message;
      said.hidden = false;
      input?.setAttribute("aria-invalid", "true");
      (input ?? submit).focus();
    } finally {
      submit.disabled = false;
    }
  };
  show(
    content,
    h(
      "form",
      { novalidate: false, on: { submit: send } },
      said,
      field("Folder", inputs.target_folder, "Whose inbox it fills."),
      field("Source", inputs.source_label, "Who will post; it becomes the sender of each message."),
      h("div", { class: "pair" }, field("Suffix", inputs.jid_suffix), field("Expires", inputs.ttl_seconds)),
      field("Context", inputs.context, "A note the agent reads beside each message."),
      h("p", { class: "actions" }, h("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel"), submit),
      folderList,
      sourceList,
    ),
  );
  (folder ? inputs.source_label : inputs.target_folder).setAttribute("autofocus", "");
}

/** Shows a webhook that was made without the form, and what became of a test of it. */
export async function issued(ask, token, tested) {
  const list = await known();
  open("Webhook issued", (dialog) => {
    const content = h("div");
    queueMicrotask(() => result(dialog, content, ask, token, list, tested));
    return [content];
  });
}

/** A text as one word of a shell. */
function word(text) {
  return `'${text}'`;
}

/** The only time the URL is shown: it goes with the dialog. */
function result(dialog, content, ask, token, list, tested = null) {
  const url = h("input", { type: "text", readonly: true, spellcheck: "false", class: "url", on: { focus: () => url.select() } });
  url.value = token.url;
  const copied = h("span", { class: "copied", role: "status" });
  const click = async () => {
    if (await copy(url.value)) {
      copied.textContent = "Copied.";
    } else {
      url.select();
      copied.textContent = "Press Ctrl+C to copy.";
    }
  };
  const source = stepsFor(list, ask.source_label);
  const button = h("button", { type: "button", class: "primary", on: { click } }, "Copy");
  show(
    content,
    field("Webhook URL", url, "It is shown this once. If it gets lost, revoke it and issue another."),
    h("p", { class: "actions start" }, button, copied),
    token.warning ? h("p", { class: "warn" }, token.warning) : null,
    tested === null ? null : outcome(tested, () => dialog.close()),
    h("dl", { class: "facts" }, h("div", {}, h("dt", {}, "Address"), h("dd", {}, h("code", {}, plain(token.jid)))), h("div", {}, h("dt", {}, "Expires"), h("dd", {}, token.expires_at ? when(token.expires_at) : "never"))),
    h("h3", {}, "Try it"),
    line(`curl -d '{"hello":"doorbell"}' ${word(token.url)}`, "a first message"),
    h("h3", {}, `Where to paste it: ${source.title}`),
    h("ol", { class: "steps" }, source.steps.map((step) => h("li", {}, step))),
    h("p", { class: "actions" }, h("button", { type: "button", on: { click: () => dialog.close() } }, "Done")),
  );
  dialog.addEventListener("close", () => {
    url.value = "";
  });
  dialog.querySelector("h2").textContent = "Webhook issued";
  tell("Webhook issued.");
  button.focus();
}
