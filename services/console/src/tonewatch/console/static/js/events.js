// The live connection: what goes on now, then every change, and a word at once when it is lost.

import { ask, query } from "./api.js";
import { byId, say } from "./dom.js";
import { t, wallTime } from "./text.js";

const RECONNECT_MS = 2000;
const NAMES = ["score", "gap", "alert", "session"];

/** Follow the event stream; handlers, all optional: snapshot(board), and one per event name. What has none is not asked for. */
export class LiveStream {
  constructor(handlers) {
    this.handlers = handlers;
    this.names = NAMES.filter((name) => handlers[name]);
    this.wanted = false;
    this.cursor = null;
    this.lostSince = null;
    this.brokerNote = null;
    this.heardAt = Date.now();
    this.silenceMs = 15_000;
    setInterval(() => this.#watch(), 1000);
  }

  start() {
    this.wanted = true;
    this.heardAt = Date.now();
    return this.#begin();
  }

  /** Until the next start; what comes meanwhile stands in its snapshot. */
  stop() {
    this.wanted = false;
    this.source?.close();
  }

  async #begin() {
    this.source?.close();
    try {
      const board = await ask(`/live${query({ sessions: this.names.includes("session") ? "" : "false" })}`);
      if (!this.wanted) return;
      this.cursor = board.cursor;
      this.#status(board.status);
      this.handlers.snapshot?.(board);
    } catch {
      if (this.wanted) this.#lost();
      setTimeout(() => this.wanted && this.#begin(), RECONNECT_MS);
      return;
    }
    this.#open();
  }

  #open() {
    this.source?.close();
    const source = new EventSource(`/api/v1/events${query({ after: this.cursor, only: this.names })}`);
    this.source = source;
    source.onopen = () => this.#heard();
    source.onerror = () => {
      this.#lost();
      // a refused connection is closed for good: browsers only come back by themselves from a break
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.#again(source), RECONNECT_MS);
    };
    source.addEventListener("status", (event) => {
      this.#heard();
      this.#status(JSON.parse(event.data));
    });
    source.addEventListener("reset", () => this.#begin());
    for (const name of this.names) {
      source.addEventListener(name, (event) => {
        this.#heard();
        this.cursor = event.lastEventId || this.cursor;
        this.handlers[name](JSON.parse(event.data));
      });
    }
  }

  /** Come back to the stream; it does not tell why it was refused, so ask whether the session has ended. */
  async #again(source) {
    const ended = await ask("/auth/me").then(() => false, (error) => error.status === 401);
    if (this.source !== source || !this.wanted) return;
    if (ended) setTimeout(() => this.#again(source), RECONNECT_MS);
    else this.#open();
  }

  #heard() {
    this.heardAt = Date.now();
    this.lostSince = null;
    this.#show();
  }

  #lost() {
    this.lostSince ??= new Date(this.heardAt).toISOString();
    this.#show();
  }

  #watch() {
    if (!this.wanted || Date.now() - this.heardAt < this.silenceMs) return;
    this.#lost();
    if (this.source?.readyState === EventSource.OPEN) {
      this.heardAt = Date.now(); // give the new connection its time
      this.#open();
    }
  }

  #status({ stale_since: since, reason }) {
    this.brokerNote = since ? t("banner.broker", { time: wallTime(since), reason: reason || "" }) : null;
    this.#show();
  }

  #show() {
    const lost = this.lostSince && t("banner.lost", { time: wallTime(this.lostSince) });
    const text = lost || this.brokerNote;
    if (byId("banner").textContent !== (text || "")) say(byId("banner"), text);
    document.body.classList.toggle("stale", Boolean(text));
  }
}
