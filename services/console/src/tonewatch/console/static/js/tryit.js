// Try it: a recording goes up, is scored, and its emotions are drawn.

import { ask, turns, upload } from "./api.js";
import { byId, say } from "./dom.js";
import { load, wirePlayer } from "./player.js";
import { wireRecorder } from "./recorder.js";
import { percent, t } from "./text.js";
import * as result from "./tryresult.js";
import { stretches, wholeTimeline } from "./trystored.js";
import { peaksOf } from "./waveform.js";

const POLL_MS = 500;
const PATIENCE_MS = 60_000;
const LATER_MS = [500, 1500, 3000];
const DRAWN_EARLY_SECONDS = 600; // a long recording is drawn once, when it is done
const REFUSALS = { 413: "try.too_large", 0: "try.network" };

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const turn = turns();

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
  const isNewest = turn();
  const { name } = file;
  result.clear();
  status(t("try.uploading", { name, percent: 0 }), 0);
  const labels = byId("keep-embeddings").checked ? { embeddings: "true" } : {};
  let accepted;
  try {
    accepted = await upload(file, labels, (share) => {
      if (!isNewest()) return;
      if (share < 1) status(t("try.uploading", { name, percent: percent(share) }), share / 3);
      else status(t("try.examining", { name }), 1 / 3);
    });
  } catch (error) {
    if (isNewest()) fail(t(REFUSALS[error.status] || "try.refused", { name, detail: error.message }));
    return;
  }
  if (!isNewest()) return;
  load(file);
  result.begin(accepted.session_id, name);
  peaksOf(file).then((peaks) => isNewest() && result.waveform(peaks));
  try {
    await follow(accepted.session_id, name, isNewest);
  } catch (error) {
    if (isNewest()) fail(t("try.failed", { name, detail: error.message }));
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
    if (known && (early || session.complete) && current()) {
      const timeline = await wholeTimeline(id);
      if (current()) result.draw(session, timeline);
    }
    if (session?.complete) {
      const heard = await stretches(id);
      if (!current()) return;
      result.drawStretches(heard);
      status(t("try.done", { name, seconds: Math.round(session.duration_seconds) }));
      await later(id, session, current);
      return;
    }
    if (known !== before) [before, changedAt] = [known, Date.now()];
    if (Date.now() - changedAt > PATIENCE_MS) throw new Error(t("try.slow", { name, seconds: PATIENCE_MS / 1000 }));
    const share = frames ? Math.min(1, (known || 0) / frames) : 0;
    if (current()) status(frames ? t("try.scoring", { scored: known || 0, frames }) : t("try.waiting"), (1 + 2 * share) / 3);
    await pause(POLL_MS);
  }
}

/** Whole utterances, and their embeddings, come a moment after the last second. */
async function later(id, session, current) {
  for (const milliseconds of LATER_MS) {
    await pause(milliseconds);
    const heard = await stretches(id).catch(() => null);
    if (!current()) return;
    if (heard) result.drawStretches(heard);
    if (session.labels?.embeddings && (await result.drawSimilar(id))) return;
  }
}

/** Storage learns of a session a moment after ingest: until then it is not there. */
function ignoreMissing(error) {
  if (error.status === 404) return null;
  throw error;
}

/** Wire the drop zone, the file chooser, the microphone, the samples and the result. */
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
  wireRecorder({ onRecorded: analyse, onProblem: fail });
  wirePlayer();
  result.wireResult();
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
