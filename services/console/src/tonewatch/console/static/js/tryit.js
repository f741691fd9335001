// Try it: a recording goes up, is scored, and its emotions are drawn.

import { ask, upload } from "./api.js";
import { byId, el, emotionMark, say } from "./dom.js";
import { Ribbon } from "./ribbon.js";
import { EMOTIONS, emotionName, named, percent, position, t } from "./text.js";

const POLL_MS = 500;
const PATIENCE_MS = 60_000;
const DRAWN_EARLY_SECONDS = 600; // a long recording is drawn once, when it is done
const REFUSALS = { 413: "try.too_large", 0: "try.network" };

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let run = 0;
let ribbons = [];
let audioUrl = null;

function status(text, share = null) {
  say(byId("try-status"), text);
  byId("try-status").classList.remove("problem");
  const bar = byId("try-progress");
  bar.hidden = share === null;
  bar.value = share ?? 0;
}

function fail(text) {
  status(text);
  byId("try-status").classList.add("problem");
}

/** Analyse one recording; a newer one puts an older one aside. */
export async function analyse(file) {
  const mine = ++run;
  const { name } = file;
  byId("result").hidden = true;
  status(t("try.uploading", { name, percent: 0 }), 0);
  let accepted;
  try {
    accepted = await upload(file, (share) => {
      if (mine !== run) return;
      if (share < 1) status(t("try.uploading", { name, percent: percent(share) }), share / 3);
      else status(t("try.examining", { name }), 1 / 3);
    });
  } catch (error) {
    if (mine === run) fail(t(REFUSALS[error.status] || "try.refused", { name, detail: error.message }));
    return;
  }
  if (mine !== run) return;
  load(file);
  try {
    await follow(accepted.session_id, name, () => mine === run);
  } catch (error) {
    if (mine === run) fail(t("try.failed", { name, detail: error.message }));
  }
}

/** Ask until every second of the recording is scored or will never be. */
async function follow(sessionId, name, current) {
  const id = encodeURIComponent(sessionId);
  let changedAt = Date.now();
  let before = -1;
  while (current()) {
    const published = await ask(`/audio/${id}`).catch(ignoreMissing);
    if (published?.state === "failed") throw new Error(published.error || "");
    const session = await ask(`/sessions/${id}`).catch(ignoreMissing);
    const known = session && session.scored + (session.gaps || 0);
    const frames = (published?.frames || session?.frames || 0) * Math.max(1, session?.speakers?.length || 1);
    const early = known !== before && frames <= DRAWN_EARLY_SECONDS;
    if (known && (early || session.complete) && current()) await draw(id, session);
    if (session?.complete) {
      if (current()) await stretches(id);
      if (current()) status(t("try.done", { name, seconds: Math.round(session.duration_seconds) }));
      return;
    }
    if (known !== before) [before, changedAt] = [known, Date.now()];
    if (Date.now() - changedAt > PATIENCE_MS) throw new Error(t("try.slow", { name, seconds: PATIENCE_MS / 1000 }));
    const share = frames ? Math.min(1, (known || 0) / frames) : 0;
    if (current()) status(frames ? t("try.scoring", { scored: known || 0, frames }) : t("try.waiting"), (1 + 2 * share) / 3);
    await pause(POLL_MS);
  }
}

/** Storage learns of a session a moment after ingest: until then it is not there. */
function ignoreMissing(error) {
  if (error.status === 404) return null;
  throw error;
}

async function draw(id, session) {
  const mine = run;
  for (const part of ["segments", "utterances"]) byId(`${part}-part`).hidden = true;
  const timeline = await wholeTimeline(id);
  if (mine !== run) return;
  byId("result").hidden = false;
  verdict(session);
  bars(session.probabilities || {}, session.emotion);
  tracks(timeline);
  list(timeline.items);
}

/** All seconds of a recording; storage hands out an hour at a time. */
async function wholeTimeline(id) {
  const items = [];
  let cursor = "";
  for (;;) {
    const part = await ask(`/sessions/${id}/timeline${cursor && `?cursor=${encodeURIComponent(cursor)}`}`);
    items.push(...part.items);
    cursor = part.next_cursor;
    if (!cursor) return { ...part, items };
  }
}

/** What is finer than a second, and what is coarser: segments and whole utterances. */
async function stretches(id) {
  const mine = run;
  const segments = [];
  for (let from = 0; from !== null; ) {
    const part = await ask(`/sessions/${id}/segments?from_seq=${from}`);
    segments.push(...part.items);
    from = part.next_seq;
  }
  const utterances = await ask(`/records?session_id=${id}&granularity=utterance&order=asc&limit=1000`);
  if (mine !== run) return;
  stretchList("segments", segments);
  stretchList(
    "utterances",
    utterances.items.map((item) => ({ ...item, start_seconds: item.start_ms / 1000, end_seconds: item.end_ms / 1000 })),
  );
}

function stretchList(part, items) {
  const rows = items.map((item) =>
    el(
      "tr",
      {},
      el("td", {}, playButton(item.start_seconds, `${item.start_seconds.toFixed(1)} – ${item.end_seconds.toFixed(1)} s`)),
      el("td", {}, named("speaker", item.speaker)),
      el("td", {}, emotionMark(item.emotion, emotionName(item.emotion))),
      el("td", { className: "number" }, `${percent(item.confidence)} %`),
    ),
  );
  byId(part).replaceChildren(...rows);
  byId(`${part}-part`).hidden = !rows.length;
}

function playButton(begin, text) {
  const label = t("try.play_from", { time: position(begin) });
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

function tracks({ items, gaps }) {
  for (const ribbon of ribbons) ribbon.dispose();
  ribbons = [];
  const speakers = [...new Set(items.map((item) => item.speaker))];
  const rows = speakers.map((speaker) => {
    const ribbon = new Ribbon({ axis: true, onPick: playFrom });
    for (const item of items.filter((each) => each.speaker === speaker)) {
      const { emotion, confidence, probabilities, alert_triggered: alert } = item;
      ribbon.put(item.seq, { emotion, confidence: confidence ?? 0, probabilities, alert });
    }
    for (const gap of (gaps || []).filter((each) => each.speaker === speaker))
      for (let seq = gap.first_seq; seq <= gap.last_seq; seq += 1) ribbon.put(seq, { emotion: "gap", confidence: 0 });
    ribbon.canvas.setAttribute("aria-label", `${t("try.over_time")}, ${named("speaker", speaker)}: ${ribbon.summary()}`);
    ribbons.push(ribbon);
    const name = speakers.length > 1 ? el("span", { className: "muted small track-name" }, named("speaker", speaker)) : null;
    return el("div", { className: "track" }, name, ribbon.root);
  });
  byId("tracks").replaceChildren(...rows);
  for (const ribbon of ribbons) ribbon.draw();
}

function list(items) {
  const rows = items.map((item) => {
    const begin = item.start_ms / 1000;
    const play = playButton(begin, position(begin));
    const value = item.probabilities ? `${percent(item.confidence)} %` : "–";
    return el(
      "tr",
      {},
      el("td", {}, play),
      el("td", {}, named("speaker", item.speaker)),
      el("td", {}, emotionMark(item.emotion, emotionName(item.emotion))),
      el("td", { className: "number" }, value),
    );
  });
  byId("seconds").replaceChildren(...rows);
}

function load(file) {
  if (audioUrl) URL.revokeObjectURL(audioUrl);
  audioUrl = URL.createObjectURL(file);
  byId("unplayable").hidden = true;
  byId("player").hidden = false;
  byId("player").src = audioUrl;
}

function playFrom(seconds) {
  const player = byId("player");
  if (player.hidden) return;
  player.currentTime = Math.max(0, seconds);
  player.play().catch(() => null); // the browser said in `error` what it cannot play
}

/** Wire the drop zone, the file chooser and the samples. */
export function tryIt() {
  const zone = byId("drop");
  const chooser = byId("file");
  chooser.addEventListener("change", () => {
    if (chooser.files.length) analyse(chooser.files[0]);
    chooser.value = "";
  });
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) analyse(file);
  });
  for (const button of document.querySelectorAll("[data-sample]"))
    button.addEventListener("click", () => trySample(button.dataset.sample));
  byId("player").addEventListener("error", () => {
    byId("player").hidden = true;
    byId("unplayable").hidden = false;
  });
}

async function trySample(sample) {
  const name = `${sample}.flac`;
  try {
    const response = await fetch(`/samples/${encodeURIComponent(name)}`);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    await analyse(new File([await response.blob()], name, { type: "audio/flac" }));
  } catch (error) {
    fail(t("try.failed", { name, detail: error.message }));
  }
}
