// A rule in the list: in words, as YAML, how often it was right, and what can be done with it.

import { ask, send } from "./api.js";
import { backtest } from "./backtest.js";
import { el } from "./dom.js";
import { person } from "./frame.js";
import { badge, button, doing, sureButton, when } from "./parts.js";
import { testButton } from "./ruletest.js";
import { conditionText } from "./ruletext.js";
import { versions } from "./ruleversions.js";
import { named, percent, t } from "./text.js";
import { yaml } from "./yaml.js";

export const rulePath = (name) => `/rules/${encodeURIComponent(name)}`;

/** `act` has what to call for changes; without it the list is only to be read. */
export function ruleItem(item, judged, act) {
  const { name, rule } = item;
  const priority = rule.priority || "medium";
  const head = el(
    "p",
    { className: "line" },
    el("strong", {}, name),
    badge("rules.standing", item.in_force ? "on" : "off", item.in_force ? "on" : "off"),
    badge("priority", priority, `priority-${priority}`),
    el("span", { className: "small muted at-end" }, ...originText(item)),
  );
  const text = el("pre", { tabindex: 0, "aria-label": t("rules.yaml") }, yaml(rule));
  return el(
    "li",
    { className: "panel", "data-rule": name },
    head,
    el("p", {}, conditionText(rule)),
    el("p", { className: "small muted" }, precisionText(judged), " · ", el("a", { href: `/alerts?rule=${encodeURIComponent(name)}` }, t("rules.its_alerts"))),
    el("ul", { className: "problems" }, ...(item.problems || []).map(problemItem)),
    el("details", {}, el("summary", { className: "small" }, t("rules.yaml")), text),
    item.origin === "api" && act ? versions(item, act.changed) : null,
    act && item.in_force ? backtest(() => ({ names: [name] })) : null,
    act ? tools(item, act) : null,
  );
}

function originText({ origin, line, version, by, at }) {
  if (origin === "file") return [line ? t("rules.of_file_line", { line }) : t("rules.of_file")];
  return [t("rules.of_person", { version, by }), " ", when(at)];
}

function precisionText(judged) {
  if (!judged) return t("rules.never");
  const { alerts, right, false_alarm: wrong, needs_coaching: coaching, precision } = judged;
  if (precision === null) return t("rules.unjudged", { alerts });
  return t("rules.precision", { percent: percent(precision), alerts, right, wrong, coaching });
}

/** A mistake with its place and what was probably meant. */
export function problemItem({ line, column, field, message, suggestion }) {
  const place = line ? t("rules.place", { line, column: column ?? 1 }) : "";
  const hint = suggestion ? ` ${t("rules.meant", { suggestion })}` : "";
  return el("li", {}, place ? el("strong", {}, `${place} `) : null, field ? el("code", {}, field) : null, field ? " " : null, `${message}${hint}`);
}

function tools(item, { edit, changed }) {
  const problem = el("p", { className: "problem", role: "alert", hidden: true });
  const doIt = (made, task) =>
    doing(made, problem, async () => {
      await task();
      await changed();
    });
  const parts = [button(named("rules.edit", item.origin), () => edit(item))];
  if (item.origin === "api") {
    const verb = item.rule.enabled === false ? "enable" : "disable";
    const toggle = button(named("rules.switch", verb), () =>
      doIt(toggle, () => send(`${rulePath(item.name)}/${verb}`, { by: person() }, { version: item.version })),
    );
    const remove = sureButton(t("rules.delete"), () => doIt(remove, () => removeRule(item)));
    parts.push(toggle, remove);
  }
  const answers = el("ul", { className: "list", role: "status" });
  if (item.in_force) parts.push(testButton(item.name, answers, problem));
  return el("div", {}, el("p", { className: "tools" }, ...parts), answers, problem);
}

function removeRule({ name, version }) {
  const headers = { Accept: "application/json", "If-Match": `"${version}"` };
  return ask(`${rulePath(name)}?by=${encodeURIComponent(person())}`, { method: "DELETE", headers });
}
