// A card per live call: who, how long, the emotion now, and the ribbon of the last minutes.

import { byId, el, emotionMark, labelChips } from "./dom.js";
import { Ribbon } from "./ribbon.js";
import { EMOTIONS, emotionName, named, percent, position, t } from "./text.js";

const RIBBON_SECONDS = 180;
const SILENT_MS = 8000;
const ENDED_MS = 60_000;

const cards = new Map();
const uploads = new Set();
const sourceNames = new Map();
const waiting = new Set();

class Card {
  constructor(session) {
    this.session = { labels: {}, state: "live", ...session };
    this.tracks = new Map();
    this.firing = new Map();
    this.heardAt = Date.now();
    this.title = el("h3");
    this.badge = el("span", { className: "badge firing" }, t("live.alert"));
    this.labels = el("ul", { className: "chips" });
    this.now = el("p", { className: "now" });
    this.ribbons = el("div", { className: "ribbons" });
    this.time = el("span", { className: "time", title: t("live.duration") });
    this.note = el("span", { className: "muted" });
    const foot = el("footer", {}, this.time, this.note, el("span", { className: "muted" }, t("live.last_minutes")));
    const head = el("header", {}, this.title, this.badge);
    this.root = el("article", { className: "card" }, head, this.labels, this.now, this.ribbons, foot);
    this.describe({});
    byId("cards").append(this.root);
  }

  describe(changes) {
    Object.assign(this.session, changes);
    const { session_id: id, source_id: source, name, labels } = this.session;
    this.title.textContent = name || sourceNames.get(source) || id;
    this.title.title = id;
    this.labels.replaceChildren(...labelChips(labels, (label) => named("label", label)));
    this.root.setAttribute("aria-label", this.title.textContent);
    this.root.dataset.session = id;
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
    const alert = [...this.firing.values()].includes(speaker);
    this.track(speaker).put(seq, cell && { ...cell, alert });
    this.heardAt = Date.now();
    waiting.add(this);
    if (waiting.size === 1) requestAnimationFrame(paint);
  }

  /** An alert fired or resolved: the seconds that led to it are marked above the ribbon. */
  alert(alert) {
    if (alert.state === "firing") this.firing.set(alert.alert_id, alert.speaker);
    else this.firing.delete(alert.alert_id);
    const ribbon = this.track(alert.speaker);
    for (let seq = alert.first_seq; seq <= alert.last_seq; seq += 1) {
      const cell = ribbon.cells[seq - ribbon.first];
      if (cell) cell.alert = true;
    }
    this.paint();
  }

  paint() {
    const current = [];
    for (const [speaker, ribbon] of this.tracks) {
      ribbon.draw();
      const summary = ribbon.summary();
      const label = t("live.ribbon", { speaker: named("speaker", speaker), summary });
      ribbon.canvas.setAttribute("aria-label", label);
      const cell = ribbon.cells.at(-1);
      if (cell) current.push(this.#current(speaker, cell));
    }
    this.now.replaceChildren(...(current.length ? current : [emotionMark("unknown", t("emotion.waiting"))]));
    this.refresh();
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
    this.time.textContent = position(seconds);
    this.badge.hidden = !this.firing.size;
    this.root.classList.toggle("alarm", this.firing.size > 0);
    this.root.classList.toggle("ended", ended);
    this.root.classList.toggle("silent", !ended && silentMs > SILENT_MS);
    const silent = silentMs > SILENT_MS ? t("live.silent", { seconds: Math.round(silentMs / 1000) }) : "";
    this.note.textContent = ended ? t("live.ended") : silent;
  }

  end() {
    this.describe({ state: "ended" });
    this.endedAt ??= Date.now();
  }

  dispose() {
    for (const ribbon of this.tracks.values()) ribbon.dispose();
    this.root.remove();
  }
}

function paint() {
  for (const card of waiting) card.paint();
  waiting.clear();
  count();
}

function card(session) {
  const id = session.session_id;
  if (uploads.has(id)) return null;
  if (!cards.has(id)) cards.set(id, new Card(session));
  return cards.get(id);
}

function drop(id) {
  cards.get(id)?.dispose();
  cards.delete(id);
  count();
}

function count() {
  const live = [...cards.values()].filter((each) => each.session.state === "live").length;
  const text = cards.size ? t("live.count", { count: live }) : "";
  if (byId("live-count").textContent !== text) byId("live-count").textContent = text;
  byId("live-empty").hidden = cards.size > 0;
}

/** Calls with an alert stand first; otherwise in order of their names. */
function sort() {
  const rank = (each) => (each.firing.size ? 0 : 1);
  const title = (each) => each.title.textContent;
  const order = [...cards.values()].sort((a, b) => rank(a) - rank(b) || title(a).localeCompare(title(b)));
  byId("cards").append(...order.map((each) => each.root));
}

const cellOf = (code, share) => {
  if (code === ".") return undefined;
  if (code === "x") return { emotion: "gap", confidence: 0 };
  if (code === "-") return { emotion: "no_speech", confidence: 0 };
  return { emotion: EMOTIONS[Number(code)], confidence: share };
};

export function snapshot(board) {
  for (const id of [...cards.keys()]) drop(id);
  for (const session of board.sessions) {
    const made = card(session);
    for (const track of session.tracks) {
      [...track.codes].forEach((code, index) => {
        const share = Number(track.percents.slice(2 * index, 2 * index + 2)) / 100;
        made.put(track.speaker, track.first_seq + index, cellOf(code, share));
      });
    }
    if (session.state === "ended") made.end();
    made.paint();
  }
  for (const alert of board.alerts) onAlert(alert);
  sort();
  count();
}

export function onScore(score) {
  const { emotion, confidence } = score;
  card(score)?.put(score.speaker, score.seq, { emotion, confidence });
}

export function onGap(gap) {
  const first = Math.max(gap.first_seq, gap.last_seq - RIBBON_SECONDS);
  for (let seq = first; seq <= gap.last_seq; seq += 1)
    card(gap)?.put(gap.speaker, seq, { emotion: "gap", confidence: 0 });
}

export function onSession(event) {
  if (event.lane === "upload") {
    uploads.add(event.session_id);
    drop(event.session_id);
    return;
  }
  if (event.state === "ended") {
    cards.get(event.session_id)?.end();
  } else {
    const { name, kind, labels } = event;
    card(event)?.describe({ name, kind, labels, state: "live" });
    sort();
  }
  count();
}

export function onAlert(alert) {
  const known = cards.get(alert.session_id);
  if (!known) return;
  known.alert(alert);
  sort();
}

/** What the call of a session is called on this page, if it is known. */
export function callName(sessionId) {
  return cards.get(sessionId)?.title.textContent || null;
}

/** Sessions older than the stream's memory have no name there; their source has. */
export function nameSources(sources) {
  for (const source of sources) sourceNames.set(source.id, source.name);
  for (const each of cards.values()) if (!each.session.name) each.describe({});
}

setInterval(() => {
  for (const [id, each] of cards) {
    each.refresh();
    if (each.endedAt && Date.now() - each.endedAt > ENDED_MS) drop(id);
  }
}, 1000);

/** The colours' names, beside the title. */
export function legend() {
  const marks = EMOTIONS.map((emotion) => el("li", {}, emotionMark(emotion, emotionName(emotion))));
  byId("legend").replaceChildren(...marks);
}
