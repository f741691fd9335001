// The rules: what is in force and why, what was refused, and the editor.

import { ask, every } from "./api.js";
import { byId, el } from "./dom.js";
import { frame } from "./frame.js";
import { loading, onlyNew } from "./loading.js";
import { fill } from "./parts.js";
import { can } from "./person.js";
import { leaner } from "./ruledefaults.js";
import { RuleEditor } from "./ruleeditor.js";
import { problemItem, ruleItem } from "./ruleparts.js";
import { t, wallTime } from "./text.js";

const REFRESH_MS = 10_000;

const asked = () => Promise.all([ask("/rules"), ask("/rules/precision").catch(() => ({ items: [] }))]);
const load = loading(byId("rules-away"), asked, onlyNew(show));
const editor = new RuleEditor({ saved: load });

function show([answer, judged]) {
  const precision = new Map(judged.items.map((item) => [item.rule, item]));
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
