// The other parts of the page: rules in force, sources.

import { ask } from "./api.js";
import { byId, el, say } from "./dom.js";
import { knowSources } from "./live.js";
import { loading } from "./loading.js";
import { conditionText } from "./ruletext.js";
import { named, t, wallTime } from "./text.js";

export const rules = loading(byId("rules-problem"), () => ask("/rules"), showRules);

function showRules(answer) {
  const enabled = answer.rules.filter((rule) => rule.enabled !== false);
  const rows = enabled.map((rule) =>
    el("li", {}, el("p", { className: "line" }, el("strong", {}, rule.name), el("span", { className: `badge priority-${rule.priority}` }, named("priority", rule.priority))), el("p", { className: "small muted" }, conditionText(rule))),
  );
  byId("rules").replaceChildren(...rows);
  const note = answer.loaded_at ? t("rules.loaded", { file: answer.file || "", time: wallTime(answer.loaded_at) }) : "";
  byId("rules-note").textContent = rows.length ? note : t("rules.none");
  const problems = [...(answer.warnings || [])].map(String);
  if (answer.last_error) problems.unshift(t("rules.error", { detail: answer.last_error.detail || answer.last_error }));
  say(byId("rules-problem"), problems.join(" "));
}

export const sources = loading(byId("sources-problem"), () => ask("/sources"), ({ items }) => {
  const shown = items.filter((source) => source.kind !== "upload");
  byId("sources").replaceChildren(...shown.map(sourceRow));
  if (!shown.length) byId("sources").append(el("li", { className: "empty" }, t("sources.none")));
  knowSources(items);
});

function sourceRow(source) {
  const state = el("span", { className: `badge source-${source.state}` }, named("sources.state", source.state));
  const line = el("p", { className: "line" }, el("strong", {}, source.name), state, el("span", { className: "small muted" }, named("sources.kind", source.kind)));
  const reason = source.reason && source.state !== "live" ? el("p", { className: "small muted" }, source.reason) : null;
  return el("li", {}, line, source.url ? el("p", { className: "small muted url" }, source.url) : null, reason);
}
