// Facts, alerts, gaps and stretches of a call as elements.

import { query } from "./api.js";
import { el, emotionMark } from "./dom.js";
import { badge, button, facts, when } from "./parts.js";
import { emotionName, named, percent, position, t } from "./text.js";

export function sessionFacts(session) {
  const { emotion, confidence } = session;
  const heard = emotion && el("span", {}, emotionMark(emotion, emotionName(emotion)), confidence ? ` ${percent(confidence)} %` : "");
  return facts([
    [t("call.id"), session.session_id],
    [t("call.began"), when(session.started_at)],
    [t("call.ended"), when(session.ended_at)],
    [t("live.duration"), position(session.duration_seconds)],
    [t("try.main"), heard || null],
    [t("call.speech"), position(session.speech_seconds)],
    [t("call.unscored"), session.gaps ? t("call.seconds", { seconds: session.gaps }) : null],
  ]);
}

function jump(seconds, text, goTo) {
  const label = t("call.go_to", { time: position(seconds) });
  return button(text, () => goTo(seconds), { className: "link", "aria-label": label });
}

export function alertItem(alert, session, goTo) {
  const begin = (Date.parse(alert.started_at) - Date.parse(session.started_at)) / 1000;
  const seconds = alert.first_seq ?? Math.max(0, begin);
  const link = el("a", { href: `/alerts?open=${encodeURIComponent(alert.alert_id)}` }, alert.rule);
  return el(
    "li",
    {},
    el("p", { className: "line" }, jump(seconds, position(seconds), goTo), el("strong", {}, link), badge("alerts", alert.state), badge("priority", alert.priority, `priority-${alert.priority}`)),
    el("p", { className: "small muted" }, `${named("speaker", alert.speaker)} · ${alert.message || ""}`),
  );
}

export function gapItem(gap, goTo) {
  const span = `${position(gap.first_seq)} – ${position(gap.last_seq + 1)}`;
  const why = [named("gap", gap.reason), gap.detail].filter(Boolean).join(": ");
  return el("li", {}, jump(gap.first_seq, span, goTo), ` ${named("speaker", gap.speaker)} · ${why}`);
}

export function segmentRow(segment, goTo) {
  const { start_seconds: start, end_seconds: end } = segment;
  return el(
    "tr",
    {},
    el("td", {}, jump(start, `${start.toFixed(1)} – ${end.toFixed(1)} s`, goTo)),
    el("td", {}, named("speaker", segment.speaker)),
    el("td", {}, emotionMark(segment.emotion, emotionName(segment.emotion))),
    el("td", { className: "number" }, `${percent(segment.confidence)} %`),
  );
}

/** Files of all that is stored of the call. */
export function downloads(id) {
  const kinds = [
    ["records", t("call.records")],
    ["segments", t("call.segments")],
    ["alerts", t("alerts.title")],
  ];
  return kinds.flatMap(([kind, text]) =>
    ["csv", "jsonl"].map((format) => {
      const address = `/api/v1/export/${kind}${query({ session_id: id, format })}`;
      return el("a", { href: address, download: "" }, `${text} (${format.toUpperCase()})`);
    }),
  );
}
