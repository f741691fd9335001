// The other parts of the page: health of the services, rules in force, sources.

import { ask } from "./api.js";
import { byId, el, say } from "./dom.js";
import { nameSources } from "./live.js";
import { emotionName, named, percent, t, wallTime } from "./text.js";

let engine = null;
let shownHealth = "";

export async function health() {
  const list = byId("system");
  try {
    const { items } = await ask("/system");
    if (items.some((item) => item.service === "inference" && item.state !== "down")) await loadEngine();
    // nothing new: whoever reads or tabs through the chips is left in peace
    const seen = JSON.stringify([items, engine]);
    if (seen === shownHealth) return;
    shownHealth = seen;
    // a chip that somebody has opened to read must not be replaced under the reader
    const open = new Set([...list.querySelectorAll("details[open]")].map((each) => each.dataset.service));
    list.replaceChildren(...items.map((item) => serviceChip(item, open.has(item.service))));
  } catch {
    shownHealth = "";
    list.replaceChildren(el("li", {}, el("span", { className: "service down" }, t("system.unreachable"))));
  }
}

async function loadEngine() {
  engine ??= await ask("/engine").catch(() => null);
}

function serviceChip(item, open) {
  const name = named("system", item.service);
  const state = named("system", item.state);
  const checks = Object.entries(item.checks).map(([check, result]) =>
    el("li", { className: result.ok ? "ok" : "bad" }, el("b", {}, check), ` ${result.detail}`),
  );
  if (item.detail) checks.push(el("li", { className: "bad" }, item.detail));
  if (item.service === "inference" && engine) checks.push(el("li", {}, t("system.engine", engine)));
  const summary = el("summary", { className: `service ${item.state}` }, el("i", { className: "dot" }), name, el("span", { className: "state" }, state));
  return el("li", {}, el("details", { "data-service": item.service, open, name: "service" }, summary, el("ul", { className: "checks" }, ...checks)));
}

function condition(rule) {
  const emotions = rule.combination?.emotions || [rule.emotion];
  const threshold = `${percent(rule.combination?.min_sum ?? rule.threshold ?? 0)} %`;
  const seconds = rule.duration_sec ?? 1;
  const joined = emotions.filter(Boolean).map(emotionName).join(" + ");
  const values = { emotion: joined, emotions: joined, threshold, seconds };
  return t(rule.combination ? "rules.sum" : "rules.above", values);
}

export async function rules() {
  try {
    const answer = await ask("/rules");
    const enabled = answer.rules.filter((rule) => rule.enabled !== false);
    const rows = enabled.map((rule) =>
      el("li", {}, el("p", { className: "line" }, el("strong", {}, rule.name), el("span", { className: `badge priority-${rule.priority}` }, named("priority", rule.priority))), el("p", { className: "small muted" }, condition(rule))),
    );
    byId("rules").replaceChildren(...rows);
    const note = answer.loaded_at ? t("rules.loaded", { file: answer.file || "", time: wallTime(answer.loaded_at) }) : "";
    byId("rules-note").textContent = rows.length ? note : t("rules.none");
    const problems = [...(answer.warnings || [])].map(String);
    if (answer.last_error) problems.unshift(t("rules.error", { detail: answer.last_error.detail || answer.last_error }));
    say(byId("rules-problem"), problems.join(" "));
  } catch (error) {
    say(byId("rules-problem"), t("part.away", { detail: error.message }));
  }
}

export async function sources() {
  try {
    const { items } = await ask("/sources");
    const shown = items.filter((source) => source.kind !== "upload");
    byId("sources").replaceChildren(...shown.map(sourceRow));
    if (!shown.length) byId("sources").append(el("li", { className: "empty" }, t("sources.none")));
    nameSources(items);
    say(byId("sources-problem"), "");
  } catch (error) {
    say(byId("sources-problem"), t("part.away", { detail: error.message }));
  }
}

function sourceRow(source) {
  const state = el("span", { className: `badge source-${source.state}` }, named("sources.state", source.state));
  const line = el("p", { className: "line" }, el("strong", {}, source.name), state, el("span", { className: "small muted" }, named("sources.kind", source.kind)));
  const reason = source.reason && source.state !== "live" ? el("p", { className: "small muted" }, source.reason) : null;
  return el("li", {}, line, source.url ? el("p", { className: "small muted url" }, source.url) : null, reason);
}
