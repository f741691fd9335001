// A card of the live view: one call, touched only where something changed.

import { el, emotionMark, labelChips } from "./dom.js";
import { callAddress } from "./results.js";
import { Ribbon } from "./ribbon.js";
import { emotionName, named, percent, position, t } from "./text.js";

export const RIBBON_SECONDS = 180;
const SILENT_MS = 8000;
const QUALITIES = ["unusable", "poor", "fair", "good", "excellent"]; // as many bars as the place in it
const BARS = QUALITIES.slice(1);
const NEAR = "300px"; // ribbons this far outside the window are drawn already

const waiting = new Set();
const cardOf = new WeakMap();
const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) cardOf.get(target)?.see(isIntersecting);
}, { rootMargin: NEAR });

/** Write a text only if it is another one: the browser need not look at the card again. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export class Card {
  /** `nameOf` tells what a session is called that does not say it itself. */
  constructor(session, nameOf) {
    this.session = { labels: {}, state: "live", ...session };
    this.nameOf = nameOf;
    this.tracks = new Map();
    this.firing = new Map();
    this.heardAt = Date.now();
    this.isSeen = false;
    this.said = "";
    this.link = el("a", { href: callAddress(session.session_id) });
    this.badge = el("span", { className: "badge firing" }, t("live.alert"));
    this.labels = el("ul", { className: "chips" });
    this.now = el("p", { className: "now" }, emotionMark("unknown", t("emotion.waiting")));
    this.ribbons = el("div", { className: "ribbons" });
    this.time = el("span", { className: "time", title: t("live.duration") });
    this.note = el("span", { className: "muted" });
    this.connection = el("span", { className: "connection", role: "img", hidden: true }, ...BARS.map(() => el("i", {})));
    const foot = el("footer", {}, this.time, this.connection, this.note, el("span", { className: "muted" }, t("live.last_minutes")));
    const head = el("header", {}, el("h3", {}, this.link), this.badge);
    this.root = el("article", { className: "card", "data-session": session.session_id }, head, this.labels, this.now, this.ribbons, foot);
    this.describe({});
    cardOf.set(this.root, this);
    near.observe(this.root);
  }

  get title() {
    return this.link.textContent;
  }

  describe(changes) {
    Object.assign(this.session, changes);
    const { session_id: id, name, labels } = this.session;
    this.link.textContent = name || this.nameOf(this.session);
    this.link.title = id;
    this.labels.replaceChildren(...labelChips(labels, (label) => named("label", label)));
    this.root.setAttribute("aria-label", this.title);
    this.refresh();
  }

  track(speaker) {
    let ribbon = this.tracks.get(speaker);
    if (!ribbon) {
      ribbon = new Ribbon({ columns: RIBBON_SECONDS });
      this.tracks.set(speaker, ribbon);
      ribbon.label = el("span", { className: "muted small track-name" }, named("speaker", speaker));
      this.ribbons.append(el("div", { className: "track" }, ribbon.label, ribbon.root));
      for (const each of this.tracks.values()) each.label.hidden = this.tracks.size === 1;
    }
    return ribbon;
  }

  put(speaker, seq, cell) {
    const alert = [...this.firing.values()].some((firing) => firing.speaker === speaker);
    this.track(speaker).put(seq, cell && { ...cell, alert });
    this.heardAt = Date.now();
    this.#soon();
  }

  /** How well the audio of its source comes in, if that is known. */
  connect(quality) {
    if (quality === this.quality) return;
    this.quality = quality;
    const bars = QUALITIES.indexOf(quality);
    this.connection.hidden = bars < 0;
    if (bars < 0) return;
    const said = t("sources.quality", { quality: named("quality", quality) });
    for (const [name, value] of [["aria-label", said], ["title", said], ["data-quality", quality]]) this.connection.setAttribute(name, value);
    [...this.connection.children].forEach((bar, index) => bar.classList.toggle("on", index < bars));
  }

  /** An alert fired or resolved: the seconds that led to it are marked above the ribbon. */
  alert(alert) {
    if (alert.state === "firing") this.firing.set(alert.alert_id, alert);
    else this.firing.delete(alert.alert_id);
    const ribbon = this.track(alert.speaker);
    for (let seq = alert.first_seq; seq <= alert.last_seq; seq += 1) {
      const cell = ribbon.cells[seq - ribbon.first];
      if (cell) cell.alert = true;
    }
    this.#soon();
  }

  /** Cards that nobody can see now are drawn when they come near. */
  see(isSeen) {
    this.isSeen = isSeen;
    if (isSeen) this.#soon();
  }

  #soon() {
    waiting.add(this);
    if (waiting.size === 1) requestAnimationFrame(paint);
  }

  paint() {
    this.#sayNow();
    if (this.isSeen) {
      for (const [speaker, ribbon] of this.tracks) {
        ribbon.draw();
        const label = t("live.ribbon", { speaker: named("speaker", speaker), summary: ribbon.summary() });
        ribbon.canvas.setAttribute("aria-label", label);
      }
    }
    this.refresh();
  }

  #sayNow() {
    const current = [...this.tracks].map(([speaker, ribbon]) => [speaker, ribbon.cells.at(-1)]).filter(([, cell]) => cell);
    const said = JSON.stringify(current.map(([speaker, cell]) => [speaker, cell.emotion, percent(cell.confidence)]));
    if (said === this.said) return;
    this.said = said;
    this.now.replaceChildren(...current.map(([speaker, cell]) => this.#current(speaker, cell)));
  }

  #current(speaker, cell) {
    const value = cell.confidence ? el("b", {}, `${percent(cell.confidence)} %`) : null;
    const who = this.tracks.size > 1 ? el("span", { className: "muted small" }, named("speaker", speaker)) : null;
    return el("span", { className: "current" }, emotionMark(cell.emotion, emotionName(cell.emotion)), value, who);
  }

  refresh() {
    const ended = this.session.state === "ended";
    const seconds = Math.max(0, ...[...this.tracks.values()].map((ribbon) => ribbon.last + 1));
    const silentMs = Date.now() - this.heardAt;
    const isSilent = !ended && silentMs > SILENT_MS;
    write(this.time, position(seconds));
    const silent = isSilent ? t("live.silent", { seconds: Math.round(silentMs / 1000) }) : "";
    write(this.note, ended ? t("live.ended") : silent);
    const isAlarm = this.firing.size > 0;
    if (this.badge.hidden === isAlarm) this.badge.hidden = !isAlarm;
    for (const [name, is] of [["alarm", isAlarm], ["ended", ended], ["silent", isSilent]])
      if (this.root.classList.contains(name) !== is) this.root.classList.toggle(name, is);
  }

  end() {
    this.describe({ state: "ended" });
    this.endedAt ??= Date.now();
  }

  dispose() {
    near.unobserve(this.root);
    for (const ribbon of this.tracks.values()) ribbon.dispose();
    this.root.remove();
  }
}

function paint() {
  for (const card of waiting) card.paint();
  waiting.clear();
}
