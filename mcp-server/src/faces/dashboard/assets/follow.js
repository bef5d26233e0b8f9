// The line on which messages come as they land.

import { get, path, Refusal } from "./api.js";

/** How long a line that was refused rests before it is tried again, in milliseconds. */
const REST = 5000;

export class Follow {
  #stream = null;
  #resting = null;

  /** `heard(event)`: a message came. `told(kind, text)`: how the line stands. `again()`: it may be begun anew. */
  constructor(heard, told, again) {
    this.heard = heard;
    this.told = told;
    this.again = again;
  }

  /** Opens it, to hear what this asks for from now on. */
  open(query) {
    this.close();
    const stream = new EventSource(path("v1/stream", query));
    this.#stream = stream;
    this.told("wait", "Connecting");
    stream.addEventListener("open", () => this.told("on", "Live"));
    stream.addEventListener("message", (event) => this.heard(event));
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED) this.#why(stream);
      else this.told("off", "Reconnecting");
    });
  }

  close() {
    this.#stream?.close();
    this.#stream = null;
    clearTimeout(this.#resting);
  }

  /** It was refused, which a browser does not say why: asking says, and shows the form to whoever is out. */
  async #why(stream) {
    let said = ["off", "Reconnecting"];
    try {
      await get("v1/whoami");
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status === 401) return;
      said = error.status === 0 ? ["off", "Offline"] : ["off", `Not following: ${error.message}`];
    }
    if (this.#stream !== stream) return;
    this.told(...said);
    this.#resting = setTimeout(this.again, REST);
  }
}
