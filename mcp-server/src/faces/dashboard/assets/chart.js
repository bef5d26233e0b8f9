// Messages a minute over the last hour, as bars.

import { get } from "./api.js";
import { h, show, svg } from "./dom.js";
import { count, moment } from "./text.js";

/** How often it is drawn anew, in milliseconds. */
const EVERY = 5_000;
const HEIGHT = 36;
const STEP = 5;

export class Chart {
  #timer = null;

  constructor() {
    this.root = h("figure", { class: "rates" });
  }

  open() {
    this.#timer = setInterval(() => document.hidden || this.#draw(), EVERY);
    this.#draw();
  }

  close() {
    clearInterval(this.#timer);
  }

  async #draw() {
    const rates = await get("v1/rates").catch(() => null);
    if (rates === null) return;
    const { minutes } = rates;
    const most = Math.max(1, ...minutes.map((minute) => minute.messages));
    const total = minutes.reduce((sum, minute) => sum + minute.messages, 0);
    const said = `${count(total)} ${total === 1 ? "message" : "messages"} in the last hour, at the most ${count(total === 0 ? 0 : most)} a minute`;
    const bars = minutes.map((minute, at) => {
      const height = minute.messages === 0 ? 1 : Math.max(2, (minute.messages / most) * HEIGHT);
      return svg(
        "rect",
        { x: at * STEP, y: HEIGHT - height, width: STEP - 1, height, class: minute.messages === 0 ? "none" : "some" },
        svg("title", {}, `${moment(minute.at).slice(-8, -3)}: ${count(minute.messages)}`),
      );
    });
    const drawing = svg(
      "svg",
      { viewBox: `0 0 ${minutes.length * STEP} ${HEIGHT}`, role: "img", "aria-label": said, preserveAspectRatio: "none" },
      bars,
    );
    show(this.root, drawing, h("figcaption", {}, `${count(total)} in the last hour`));
  }
}
