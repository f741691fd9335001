// The strip of services in the head of every page.

import { ask } from "./api.js";
import { byId, el } from "./dom.js";
import { can } from "./person.js";
import { named, t } from "./text.js";

let engine = null;
let shownHealth = "";

export async function health() {
  const list = byId("system");
  if (!can("system:read")) return;
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
  } catch (error) {
    if (error.status === 401) return; // said above the page
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
