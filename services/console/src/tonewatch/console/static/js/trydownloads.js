// A tried recording's result as text, JSON, CSV and embeddings.

import { query } from "./api.js";
import { byId, el } from "./dom.js";
import { download, renamed } from "./download.js";
import { emotionName, named } from "./text.js";

/** Lines such as `[1.3-2.5 s] fearful 0.72`: stretches of one emotion, or whole utterances. */
export function linesOf({ stretches, timeline }, granularity) {
  const speakers = new Set(timeline.items.map((item) => item.speaker));
  const items = granularity === "utterance" ? stretches.utterances : stretches.segments;
  return items.map(({ start_seconds: begin, end_seconds: end, speaker, emotion, confidence }) => {
    const who = speakers.size > 1 ? `${named("speaker", speaker)} ` : "";
    return { begin, emotion, text: `[${begin.toFixed(1)}-${end.toFixed(1)} s] ${who}${emotionName(emotion)} ${confidence.toFixed(2)}` };
  });
}

/** Wire the links of the result; `current` tells what is shown. */
export function wireDownloads(current) {
  byId("save-text").addEventListener("click", () => {
    const { granularity, name, ...shown } = current();
    const text = linesOf(shown, granularity).map((line) => `${line.text}\n`).join("");
    download(renamed(name, ".txt"), text, "text/plain;charset=utf-8");
  });
  byId("save-json").addEventListener("click", () => {
    const shown = current();
    download(renamed(shown.name, ".json"), `${JSON.stringify(asJson(shown), null, 2)}\n`, "application/json");
  });
  byId("save-csv").addEventListener("click", () => {
    const { sessionId, granularity, name } = current();
    // the mark at the beginning tells spreadsheets that the text is UTF-8
    const address = `/api/v1/export/records${query({ session_id: sessionId, granularity, format: "csv", bom: true })}`;
    el("a", { href: address, download: renamed(name, ".csv") }).click();
  });
  byId("save-embeddings").addEventListener("click", () => {
    const { sessionId, name } = current();
    el("a", { href: `/api/v1/sessions/${encodeURIComponent(sessionId)}/embeddings`, download: renamed(name, ".npz") }).click();
  });
}

function asJson({ name, sessionId, session, granularity, stretches, timeline, alerts }) {
  const { emotion, confidence, probabilities, duration_seconds, speech_seconds } = session;
  const parts = granularity === "utterance" ? { utterances: stretches.utterances.map(stretch) } : { segments: stretches.segments.map(stretch), seconds: timeline.items.map(second) };
  return { file: name, session_id: sessionId, granularity, emotion, confidence, probabilities, duration_seconds, speech_seconds, ...parts, alerts: [...alerts.values()] };
}

const stretch = ({ start_seconds, end_seconds, speaker, emotion, confidence, probabilities }) => ({ start_seconds, end_seconds, speaker, emotion, confidence, probabilities });
const second = ({ seq, speaker, emotion, confidence, probabilities }) => ({ seq, speaker, emotion, confidence, probabilities });
