// Elements from tags, attributes and text. Text becomes text nodes: nothing here reads markup.

/** Makes an element. `on` holds listeners; other members are attributes (false and null: none). */
export function h(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

/** The same for a drawing. */
export function svg(tag, attributes = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dress(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, heard] of Object.entries(value)) element.addEventListener(event, heard);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Makes `parent` hold these and nothing else. */
export function show(parent, ...children) {
  parent.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
}

let last = 0;

/** An id that nothing on the page has yet. */
export function fresh(prefix) {
  last += 1;
  return `${prefix}-${last}`;
}

const told = document.getElementById("told");

/** Says something to whoever does not see the page. */
export function tell(text) {
  told.textContent = text;
}

/** A text that fades: what was done, or why it was not. */
export function toast(text, bad = false) {
  const note = h("p", { class: bad ? "toast bad" : "toast", role: bad ? "alert" : "status" }, text);
  document.body.append(note);
  setTimeout(() => note.remove(), bad ? 8000 : 4000);
}
