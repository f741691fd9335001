// The live view: a card per call, those that may need somebody first.

import { byId, el, emotionMark } from "./dom.js";
import { Card, RIBBON_SECONDS } from "./livecard.js";
import { LiveFilters } from "./livefilters.js";
import { arrange } from "./liveorder.js";
import { EMOTIONS, emotionName, t } from "./text.js";

const ENDED_MS = 60_000;
const ARRANGE_MS = 2000;

const cards = new Map();
const uploads = new Map();
const sourceNames = new Map();
const connections = new Map();
const filters = new LiveFilters(show);
const root = byId("cards");

const nameOf = ({ source_id: source, session_id: id }) => sourceNames.get(source) || id;

function card(session) {
  const id = session.session_id;
  if (uploads.has(id)) return null;
  let known = cards.get(id);
  if (!known) {
    known = new Card(session, nameOf);
    known.connect(connections.get(session.source_id));
    cards.set(id, known);
    root.append(known.root);
    known.root.hidden = !filters.matches(known.session);
  }
  return known;
}

function drop(id) {
  cards.get(id)?.dispose();
  cards.delete(id);
}

/** What is filtered out is hidden; numbers and choices follow what there is. */
function show() {
  const all = [...cards.values()];
  filters.know(all.map((each) => each.session));
  for (const each of all) {
    const isHidden = !filters.matches(each.session);
    if (each.root.hidden !== isHidden) each.root.hidden = isHidden;
  }
  const live = all.filter((each) => each.session.state === "live");
  const shown = live.filter((each) => !each.root.hidden).length;
  const count = filters.isNarrow ? t("live.count_of", { shown, count: live.length }) : t("live.count", { count: live.length });
  const text = cards.size ? count : "";
  if (byId("live-count").textContent !== text) byId("live-count").textContent = text;
  byId("live-empty").hidden = cards.size > 0;
  byId("live-hint").hidden = cards.size < 2;
  byId("live-none-match").hidden = !cards.size || all.some((each) => !each.root.hidden);
}

/** A card must not move away under the pointer or the keyboard. */
function sort() {
  const isHeld = root.matches(":hover") || root.contains(document.activeElement);
  if (!isHeld) arrange(root, [...cards.values()]);
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
    if (!made) continue;
    for (const track of session.tracks) {
      [...track.codes].forEach((code, index) => {
        const share = Number(track.percents.slice(2 * index, 2 * index + 2)) / 100;
        made.put(track.speaker, track.first_seq + index, cellOf(code, share));
      });
    }
    if (session.state === "ended") made.end();
  }
  for (const alert of board.alerts) cards.get(alert.session_id)?.alert(alert);
  arrange(root, [...cards.values()]);
  show();
}

export function onScore(score) {
  const { emotion, confidence, session_id: id } = score;
  const isNew = !cards.has(id);
  card(score)?.put(score.speaker, score.seq, { emotion, confidence });
  if (isNew) show();
}

export function onGap(gap) {
  const first = Math.max(gap.first_seq, gap.last_seq - RIBBON_SECONDS);
  for (let seq = first; seq <= gap.last_seq; seq += 1)
    card(gap)?.put(gap.speaker, seq, { emotion: "gap", confidence: 0 });
}

export function onSession(event) {
  if (event.lane === "upload") {
    uploads.set(event.session_id, event.name);
    drop(event.session_id);
  } else if (event.state === "ended") {
    cards.get(event.session_id)?.end();
  } else {
    const { name, kind, labels } = event;
    card(event)?.describe({ name, kind, labels, state: "live" });
    sort();
  }
  show();
}

export function onAlert(alert) {
  const known = cards.get(alert.session_id);
  if (!known) return;
  known.alert(alert);
  sort();
}

/** What the call or recording of a session is called on this page, if it is known. */
export function callName(sessionId) {
  return cards.get(sessionId)?.title || uploads.get(sessionId) || null;
}

/** What the cards take from their sources: the connection, and the name of sessions that the stream forgot. */
export function knowSources(sources) {
  connections.clear();
  for (const { id, name, quality } of sources) {
    sourceNames.set(id, name);
    connections.set(id, quality);
  }
  for (const each of cards.values()) each.connect(connections.get(each.session.source_id));
  for (const each of cards.values()) if (!each.session.name && each.title !== nameOf(each.session)) each.describe({});
}

setInterval(() => {
  const now = Date.now();
  for (const [id, each] of cards) {
    each.refresh();
    if (each.endedAt && now - each.endedAt > ENDED_MS) drop(id);
  }
  show();
}, 1000);
setInterval(sort, ARRANGE_MS);

/** The colours' names, beside the title. */
export function legend() {
  const marks = EMOTIONS.map((emotion) => el("li", {}, emotionMark(emotion, emotionName(emotion))));
  byId("legend").replaceChildren(...marks);
}
