// Rows of what a search found; each leads to its call.

import { el, emotionMark, labelChips } from "./dom.js";
import { badge, when } from "./parts.js";
import { EMOTIONS, emotionName, named, percent, position, t } from "./text.js";

export const callAddress = (id, seconds = null) =>
  `/calls/${encodeURIComponent(id)}${seconds === null ? "" : `#t=${Math.floor(seconds)}`}`;

const chips = (labels) => el("span", { className: "chips" }, ...labelChips(labels, (name) => named("label", name)).map(asSpan));
const asSpan = (chip) => el("span", { className: "chip" }, ...chip.childNodes);
const line = (...children) => el("span", { className: "line" }, ...children);

function row(address, ...children) {
  return el("li", {}, el("a", { className: "result-row", href: address }, ...children));
}

export function sessionRow(session) {
  const { emotion, confidence } = session;
  const heard = emotion ? el("span", {}, emotionMark(emotion, emotionName(emotion)), confidence ? ` ${percent(confidence)} %` : "") : null;
  const alerts = session.alerts ? el("span", { className: "badge firing" }, t("history.alerts", { count: session.alerts })) : null;
  const state = session.state === "ended" ? null : badge("session", session.state, "source-live");
  return row(
    callAddress(session.session_id),
    line(el("strong", {}, session.name || session.session_id), state, alerts, el("span", { className: "small muted at-end" }, when(session.started_at))),
    line(el("span", { className: "muted" }, position(session.duration_seconds)), heard),
    chips(session.labels),
    share(session.probabilities),
  );
}

/** The mean of each emotion as a strip; its text is for those who do not see it. */
function share(probabilities) {
  if (!probabilities) return null;
  const order = EMOTIONS.filter((name) => probabilities[name] >= 0.01).sort((a, b) => probabilities[b] - probabilities[a]);
  const label = order.map((name) => `${emotionName(name)} ${percent(probabilities[name])} %`).join(", ");
  const parts = order.map((name) => {
    const part = el("i", { className: `emotion-${name}` });
    part.style.width = `${100 * probabilities[name]}%`;
    return part;
  });
  return el("span", { className: "stack", role: "img", "aria-label": label, title: label }, ...parts);
}

export function stretchRow(run) {
  const span = `${position(run.start_ms / 1000)} – ${position(run.end_ms / 1000)}`;
  const agent = run.agent_id ? ` · ${named("label", "agent_id")} ${run.agent_id}` : "";
  return row(
    callAddress(run.session_id, run.start_ms / 1000),
    line(emotionMark(run.emotion, emotionName(run.emotion)), el("strong", {}, `${percent(run.peak)} %`), el("span", {}, span), el("span", { className: "small muted at-end" }, when(run.started_at))),
    el("span", { className: "small muted block" }, `${named("speaker", run.speaker)}${agent} · ${run.session_id}`),
  );
}

export function foundRow(found) {
  const addresses = { session: callAddress(found.id), alert: `/alerts?open=${encodeURIComponent(found.id)}`, source: "/" };
  return row(
    addresses[found.kind],
    line(badge("found", found.kind), el("span", { className: "small muted" }, named("found", found.field))),
    el("span", { className: "block" }, found.text),
  );
}
