// How the whole is: figures, every service with its checks, and how far the readers of streams are.

import { ask, every } from "./api.js";
import { byId, el } from "./dom.js";
import { frame } from "./frame.js";
import { loading } from "./loading.js";
import { badge, facts, fill, when } from "./parts.js";
import { figureItems } from "./systemfigures.js";
import { named, t, wallTime } from "./text.js";
import { bytes, span } from "./units.js";

const REFRESH_MS = 5_000;

let before = null; // the last answer, to see what was done since

const asked = () => Promise.all([ask("/system"), ask("/system/figures"), ask("/engine").catch(() => null)]);
const load = loading(byId("system-problem"), asked, ([checks, now, engine]) => {
  byId("system-note").textContent = t("system.as_of", { time: wallTime(now.at) });
  byId("figures").replaceChildren(...figureItems(now, before, engine));
  fill(byId("services"), checks.items.map((item) => serviceItem(item, now, engine)));
  fill(byId("streams"), now.streams.map(streamRow), byId("streams-empty"));
  before = now;
});

function serviceItem(item, { versions, processes }, engine) {
  const process = processes[item.service] ?? {};
  const started = process.started_at_seconds;
  const checks = Object.entries(item.checks).map(([name, { ok, detail }]) =>
    el("li", { className: ok ? "ok" : "bad" }, el("b", {}, name), ` ${detail}`),
  );
  if (item.detail) checks.push(el("li", { className: "bad" }, el("b", {}, t("system.no_answer")), ` ${item.detail}`));
  const about = facts([
    [t("system.version"), versions[item.service]],
    [t("system.since"), started ? when(new Date(1000 * started).toISOString()) : null],
    [t("system.memory"), process.memory_bytes ? bytes(process.memory_bytes) : null],
    [t("system.model"), item.service === "inference" && engine ? t("system.engine", engine) : null],
    [t("system.precision"), item.service === "inference" && engine?.precision ? `${engine.precision} · ${engine.backend}` : null],
  ]);
  const head = el("p", { className: "line" }, el("strong", {}, named("system", item.service)), badge("system", item.state));
  return el("li", { className: "panel", "data-service": item.service }, head, el("ul", { className: "check-list" }, ...checks), about);
}

function streamRow({ stream, group, pending, oldest_seconds: oldest }) {
  return el(
    "tr",
    {},
    el("td", {}, el("code", {}, stream)),
    el("td", {}, named("system", group)),
    el("td", { className: "number" }, String(pending)),
    el("td", { className: "number" }, oldest === null ? t("system.nothing") : span(oldest)),
  );
}

frame();
every(REFRESH_MS, load);
