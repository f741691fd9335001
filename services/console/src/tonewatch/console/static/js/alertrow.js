// One alert as a row of the inbox.

import { el } from "./dom.js";
import { badge, when } from "./parts.js";
import { named, t } from "./text.js";

export const labelText = (labels) =>
  Object.entries(labels || {}).map(([name, value]) => `${named("label", name)} ${value}`).join(" · ");

/** Why nobody was told, if so. */
export function heldText({ held, telling }) {
  if (telling === "held" && held) return t("inbox.held", { reason: named("held", held.reason) });
  return named("telling", telling);
}

/** Who has taken it up, and what it turned out to be. */
function standing(alert) {
  const parts = [];
  if (alert.closed) parts.push(t("inbox.closed", { by: alert.closed.by, verdict: named("verdict", alert.verdict) }));
  else if (alert.acknowledged) parts.push(t("inbox.acknowledged", { by: alert.acknowledged.by }));
  if (alert.assigned_to) parts.push(t("inbox.assigned", { to: alert.assigned_to }));
  return parts.join(" · ") || t("inbox.open");
}

export function alertRow(alert, { open, isOpen }) {
  const line = (className, ...children) => el("span", { className }, ...children);
  const head = line(
    "line",
    el("strong", {}, alert.rule),
    badge("alerts", alert.state),
    badge("priority", alert.priority, `priority-${alert.priority}`),
    line("muted small at-end", when(alert.fired_at || alert.started_at)),
  );
  const call = line("small block", `${named("speaker", alert.speaker)} · ${labelText(alert.labels) || alert.session_id}`);
  const state = line("small block muted", `${standing(alert)} · ${heldText(alert)}`);
  const properties = { type: "button", className: `row ${alert.state}`, "data-key": alert.alert_id, onclick: open, "aria-current": isOpen ? "true" : null };
  return el("li", {}, el("button", properties, head, call, state));
}
