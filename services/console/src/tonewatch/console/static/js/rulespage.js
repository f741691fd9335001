// The rules: what is in force and why, what was refused, and the editor.

import { ask, every, turns } from "./api.js";
import { byId, el, say } from "./dom.js";
import { frame } from "./frame.js";
import { fill } from "./parts.js";
import { can } from "./person.js";
import { leaner } from "./ruledefaults.js";
import { RuleEditor } from "./ruleeditor.js";
import { problemItem, ruleItem } from "./ruleparts.js";
import { t, wallTime } from "./text.js";

const REFRESH_MS = 10_000;
const editor = new RuleEditor({ saved: load });

const turn = turns();
let shown = "";

async function load() {
  const isNewest = turn();
  try {
    const [answer, judged] = await Promise.all([ask("/rules"), ask("/rules/precision").catch(() => ({ items: [] }))]);
    if (!isNewest()) return;
    say(byId("rules-away"), "");
    const seen = JSON.stringify([answer, judged]);
    if (seen === shown) return; // whoever reads or tabs through the list is left in peace
    shown = seen;
    show(answer, new Map(judged.items.map((item) => [item.rule, item])));
  } catch (error) {
    if (isNewest()) say(byId("rules-away"), t("part.away", { detail: error.message }));
  }
}

function show(answer, precision) {
  const canEdit = Boolean(answer.items) && can("rules:write");
  const items = answer.items ?? answer.rules.map((rule) => ({ name: rule.name, rule, origin: "file", in_force: true, problems: [] }));
  const act = canEdit ? { edit, changed: load } : null;
  const lean = items.map((item) => ({ ...item, rule: leaner(item.rule) }));
  fill(byId("rules"), lean.map((item) => ruleItem(item, precision.get(item.name), act)), byId("rules-empty"));
  byId("rule-new").hidden = !canEdit;
  byId("rules-note").textContent = answer.loaded_at ? t("rules.loaded", { file: answer.file || "", time: wallTime(answer.loaded_at) }) : "";
  refused(answer);
  fill(byId("rules-warnings"), (answer.warnings || []).map((warning) => el("li", {}, String(warning))));
}

/** The file that was refused last, mistake by mistake. */
function refused({ last_error: error, problems }) {
  byId("rules-error").hidden = !error;
  if (!error) return;
  const items = problems?.length ? problems.map(problemItem) : [el("li", {}, error.detail || String(error))];
  fill(byId("rules-problems"), items);
}

function edit(item) {
  if (item.origin === "api") editor.change(item);
  else editor.create({ ...item.rule, name: t("rules.copy_of", { name: item.name }) });
}

byId("rule-new").addEventListener("click", () => editor.create());
frame();
every(REFRESH_MS, load);
