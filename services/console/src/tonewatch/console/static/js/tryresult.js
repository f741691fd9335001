// What was heard in a recording that was tried: the main emotion, nine bars, ribbon, stretches as text.

import { byId, el, emotionMark, say } from "./dom.js";
import { follow, playFrom } from "./player.js";
import { callAddress } from "./results.js";
import { Ribbon } from "./ribbon.js";
import { EMOTIONS, emotionName, named, percent, position, t } from "./text.js";
import { linesOf, wireDownloads } from "./trydownloads.js";
import { similar } from "./trystored.js";
import { Waveform } from "./waveform.js";

let drawn = [];
/** Alerts of other recordings: one may be of a recording of whose id the answer is still on its way. */
const MOST_EARLY = 50;
const early = [];
let shown = null;

/** Take away what was shown before. */
export function clear() {
  for (const each of drawn) each.dispose();
  drawn = [];
  shown = null;
  byId("result").hidden = true;
  for (const part of ["lines-part", "try-alerts-part", "similar-part", "save-embeddings"]) byId(part).hidden = true;
}

/** A recording was accepted; everything of it is drawn as it becomes known. */
export function begin(sessionId, name) {
  shown = { sessionId, name, session: {}, timeline: { items: [] }, peaks: null, stretches: { segments: [], utterances: [] }, alerts: new Map() };
  for (const alert of early.filter((each) => each.session_id === sessionId)) onAlert(alert);
}

export function waveform(peaks) {
  shown.peaks = peaks;
  if (shown.timeline.items.length) tracks();
}

export function draw(session, timeline) {
  Object.assign(shown, { session, timeline });
  byId("result").hidden = false;
  verdict(session);
  bars(session.probabilities || {}, session.emotion);
  tracks();
  list(timeline.items);
  for (const alert of timeline.alerts || []) onAlert(alert);
}

/** Drawn again only if there is something new: whoever reads or tabs through the lines is left in peace. */
export function drawStretches(stretches) {
  const isSame = JSON.stringify(stretches) === JSON.stringify(shown.stretches);
  shown.stretches = stretches;
  if (!isSame || byId("lines-part").hidden) lines();
}

/** An alert of the event stream: is it about the recording that is shown? */
export function onAlert(alert) {
  if (alert.session_id !== shown?.sessionId) {
    early.push(alert);
    early.splice(0, early.length - MOST_EARLY);
    return;
  }
  shown.alerts.set(alert.alert_id, { ...shown.alerts.get(alert.alert_id), ...alert });
  const rows = [...shown.alerts.values()].map((each) =>
    el(
      "li",
      { className: "line" },
      el("a", { href: `/alerts?open=${encodeURIComponent(each.alert_id)}` }, each.rule),
      el("span", { className: `badge priority-${each.priority}` }, named("priority", each.priority)),
      playButton(each.first_seq ?? 0, position(each.first_seq ?? 0)),
    ),
  );
  byId("try-alerts").replaceChildren(...rows);
  byId("try-alerts-part").hidden = false;
}

/** Calls that sound alike, if embeddings were kept; tells whether they were there already. */
export async function drawSimilar(id) {
  const mine = shown;
  const found = await similar(id).catch((error) => ({ error }));
  if (mine !== shown) return true;
  const items = found.error ? [] : found;
  const rows = items.map(({ similarity, session }) =>
    el("li", { className: "line" }, el("a", { href: callAddress(session.session_id) }, session.name || session.session_id), el("span", { className: "muted" }, `${percent(similarity)} %`)),
  );
  byId("similar").replaceChildren(...rows);
  const isAway = found.error && found.error.status !== 404;
  const nothing = rows.length ? "" : t("try.no_similar");
  say(byId("similar-note"), isAway ? t("part.away", { detail: found.error.message }) : nothing);
  byId("similar-part").hidden = false;
  byId("save-embeddings").hidden = Boolean(found.error);
  return !found.error;
}

function playButton(begin, text, label = t("try.play_from", { time: position(begin) })) {
  return el("button", { type: "button", className: "link", "aria-label": label, onclick: () => playFrom(begin) }, text);
}

function verdict(session) {
  const seconds = session.speech_seconds;
  const heading = byId("main-emotion");
  if (!session.emotion || !seconds) {
    heading.replaceChildren(t("try.no_speech"));
    say(byId("main-confidence"), "");
    return;
  }
  heading.replaceChildren(emotionMark(session.emotion, emotionName(session.emotion)));
  say(byId("main-confidence"), t("try.confidence", { percent: percent(session.confidence ?? 0), seconds }));
}

function bars(probabilities, main) {
  const rows = EMOTIONS.map((emotion) => {
    const share = probabilities[emotion] ?? 0;
    const fill = el("i", { className: `fill emotion-${emotion}` });
    fill.style.width = `${100 * share}%`;
    return el(
      "div",
      { className: emotion === main ? "bar main" : "bar", role: "listitem" },
      el("span", { className: "bar-name" }, emotionName(emotion)),
      el("span", { className: "bar-room" }, fill),
      el("span", { className: "bar-value" }, `${(100 * share).toFixed(1)} %`),
    );
  });
  byId("bars").replaceChildren(...rows);
}

/** The waveform above one ribbon per speaker, all on one scale of time. */
function tracks() {
  for (const each of drawn) each.dispose();
  const { items, gaps } = shown.timeline;
  const seconds = Math.max(...items.map((item) => item.seq), ...(gaps || []).map((gap) => gap.last_seq)) + 1;
  const speakers = [...new Set(items.map((item) => item.speaker))];
  const ribbons = speakers.map((speaker) => [speaker, ribbonOf(speaker, items, gaps || [])]);
  const rows = ribbons.map(([speaker, ribbon]) => track(speakers.length > 1 ? named("speaker", speaker) : null, ribbon.root));
  drawn = ribbons.map(([, ribbon]) => ribbon);
  if (shown.peaks) {
    const wave = new Waveform(shown.peaks, { seconds, label: t("try.waveform"), onPick: playFrom });
    rows.unshift(track(speakers.length > 1 ? "" : null, wave.root, "track wave-track"));
    drawn.unshift(wave);
  }
  byId("tracks").replaceChildren(...rows);
  for (const each of drawn) each.draw();
  follow(seconds);
}

function track(name, root, className = "track") {
  root.append(el("i", { className: "playhead", hidden: true }));
  return el("div", { className }, name === null ? null : el("span", { className: "muted small track-name" }, name), root);
}

function ribbonOf(speaker, items, gaps) {
  const ribbon = new Ribbon({ axis: true, onPick: playFrom });
  for (const item of items.filter((each) => each.speaker === speaker)) {
    const { emotion, confidence, probabilities, alert_triggered: alert } = item;
    ribbon.put(item.seq, { emotion, confidence: confidence ?? 0, probabilities, alert });
  }
  for (const gap of gaps.filter((each) => each.speaker === speaker))
    for (let seq = gap.first_seq; seq <= gap.last_seq; seq += 1) ribbon.put(seq, { emotion: "gap", confidence: 0 });
  ribbon.canvas.setAttribute("aria-label", `${t("try.over_time")}, ${named("speaker", speaker)}: ${ribbon.summary()}`);
  return ribbon;
}

function list(items) {
  const rows = items.map((item) => {
    const begin = item.start_ms / 1000;
    const value = item.probabilities ? `${percent(item.confidence)} %` : "–";
    return el(
      "tr",
      {},
      el("td", {}, playButton(begin, position(begin))),
      el("td", {}, named("speaker", item.speaker)),
      el("td", {}, emotionMark(item.emotion, emotionName(item.emotion))),
      el("td", { className: "number" }, value),
    );
  });
  byId("seconds").replaceChildren(...rows);
}

const granularity = () => byId("try-options").elements.granularity.value;

/** Stretches of one emotion, or whole utterances, as lines of text; each plays from its begin. */
function lines() {
  const rows = linesOf(shown, granularity()).map(({ begin, text, emotion }) =>
    el("li", {}, el("i", { className: `dot emotion-${emotion}` }), " ", playButton(begin, text, `${text} · ${t("try.play_from", { time: position(begin) })}`)),
  );
  byId("lines").replaceChildren(...rows);
  byId("lines-empty").hidden = rows.length > 0;
  byId("lines-part").hidden = false;
}

/** The choice of granularity changes what is shown at once; nothing is uploaded again. */
export function wireResult() {
  byId("try-options").addEventListener("change", () => shown && !byId("lines-part").hidden && lines());
  byId("try-options").addEventListener("submit", (event) => event.preventDefault());
  wireDownloads(() => shown && { ...shown, granularity: granularity() });
}
