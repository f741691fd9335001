// The inbox in groups: alerts of one rule, agent, call or priority under a heading.

import { el } from "./dom.js";
import { PRIORITIES, named, t } from "./text.js";

const KEYS = {
  rule: (alert) => alert.rule,
  agent: (alert) => alert.labels?.agent_id || "",
  call: (alert) => alert.session_id,
  priority: (alert) => alert.priority,
};
const NAMES = {
  agent: (key) => (key ? `${named("label", "agent_id")} ${key}` : t("inbox.no_agent")),
  priority: (key) => named("priority", key),
};

/** Groups as {heading, items}: the one with the newest alert first, or the most urgent; without a choice one without a heading. */
export function grouped(alerts, choice) {
  const keyOf = KEYS[choice];
  if (!keyOf) return [{ heading: null, items: alerts }];
  const groups = new Map();
  for (const alert of alerts) {
    const key = keyOf(alert);
    groups.set(key, [...(groups.get(key) || []), alert]);
  }
  const found = [...groups];
  if (choice === "priority") found.sort(([a], [b]) => PRIORITIES.indexOf(a) - PRIORITIES.indexOf(b));
  return found.map(([key, items]) => ({ heading: heading((NAMES[choice] || String)(key), items), items }));
}

function heading(name, items) {
  const firing = items.filter((alert) => alert.state === "firing").length;
  const count = firing ? t("inbox.group_firing", { count: items.length, firing }) : t("inbox.group", { count: items.length });
  return el("li", { className: "group" }, el("h3", {}, name), el("span", { className: "muted small" }, count));
}
