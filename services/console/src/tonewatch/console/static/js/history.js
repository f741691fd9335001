// Search: calls, stretches of an emotion, or words; and statistics of the same time and agent.

import { ask, query, turns } from "./api.js";
import { byId, el, say } from "./dom.js";
import { frame } from "./frame.js";
import { fill, fromAddress, valuesOf } from "./parts.js";
import { foundRow, sessionRow, stretchRow } from "./results.js";
import { showStatistics } from "./statistics.js";
import { t } from "./text.js";

const form = byId("filters");

/** For each thing to look for: where to ask, with what, and how a row of it looks. */
const KINDS = {
  calls: { path: "/sessions", fixed: { limit: 50 }, row: sessionRow },
  stretches: { path: "/segments", fixed: { limit: 50, sort: "peak" }, row: stretchRow },
  words: { path: "/search", fixed: { limit: 50 }, row: foundRow },
};

let rows = [];
let cursor = null;
const turn = turns();

/** Only the fields of the chosen kind are shown and sent. */
function showFields() {
  for (const part of form.querySelectorAll("[data-what]")) {
    part.hidden = !part.dataset.what.split(" ").includes(form.elements.what.value);
    for (const field of part.querySelectorAll("input, select")) field.disabled = part.hidden;
  }
}

const moment = (local) => (local ? new Date(local).toISOString() : "");
const labels = (text) => (text || "").split(/[,，;]+/).map((each) => each.trim().replace("=", ":")).filter(Boolean);

function wish() {
  const { what, from, to, label, ...rest } = valuesOf(form);
  return { what, values: { ...rest, from: moment(from), to: moment(to), label: labels(label) } };
}

async function search(more = false) {
  const isNewest = turn();
  const { what, values } = wish();
  const kind = KINDS[what];
  if (what === "words" && !values.q) return show([], null, kind);
  try {
    const answer = await ask(kind.path + query({ ...values, ...kind.fixed, cursor: more ? cursor : "" }));
    if (!isNewest()) return;
    say(byId("results-problem"), "");
    show(more ? [...rows, ...answer.items] : answer.items, answer.next_cursor, kind);
  } catch (error) {
    if (!isNewest()) return;
    say(byId("results-problem"), t("part.away", { detail: error.message }));
    show([], null, kind);
    byId("results-empty").hidden = true;
  }
}

function show(items, next, kind) {
  [rows, cursor] = [items, next];
  fill(byId("results"), items.map(kind.row), byId("results-empty"));
  byId("results-more").hidden = !next;
  byId("results-count").textContent = items.length ? t("history.count", { count: `${items.length}${next ? "+" : ""}` }) : "";
}

function statistics() {
  const { from, to, agent_id: agent, label } = wish().values;
  return showStatistics({ from, to, agent_id: agent, label });
}

async function nameRules() {
  const { rules } = await ask("/rules").catch(() => ({ rules: [] }));
  byId("rule-names").replaceChildren(...rules.map((rule) => el("option", { value: rule.name })));
}

/** Files of what the filters pick, not only of what is listed. */
function exports() {
  const { what, values } = wish();
  const { from, to, agent_id, label, emotion, speaker, rule } = values;
  const common = what === "words" ? {} : { from, to, agent_id, label };
  const heard = what === "stretches" ? { emotion, speaker } : {};
  const kinds = [
    ["records", t("call.records"), heard],
    ["segments", t("call.segments"), heard],
    ["alerts", t("alerts.title"), what === "calls" ? { rule } : {}],
  ];
  const links = kinds.flatMap(([kind, text, more]) =>
    ["csv", "jsonl"].map((format) => {
      // the mark at the beginning tells spreadsheets that the text is UTF-8
      const address = `/api/v1/export/${kind}${query({ ...common, ...more, format, bom: format === "csv" })}`;
      return el("a", { href: address, download: "" }, `${text} (${format.toUpperCase()})`);
    }),
  );
  byId("exports").replaceChildren(...links);
}

for (const name of ["stats-emotion", "stats-by"]) byId(name).addEventListener("change", statistics);
form.elements.what.addEventListener("change", showFields);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  window.history.replaceState(null, "", location.pathname + query(valuesOf(form)));
  search();
  statistics();
  exports();
});
byId("results-more").addEventListener("click", () => search(true));

frame();
fromAddress(form);
showFields();
nameRules();
search();
statistics();
exports();
