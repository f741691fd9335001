// The versions of a rule: who changed what and when, and the way back.

import { ask, send } from "./api.js";
import { el } from "./dom.js";
import { person } from "./frame.js";
import { button, doing, when } from "./parts.js";
import { named, t } from "./text.js";

/** A part that asks for the versions when it is opened; `changed` is called after a way back. */
export function versions(item, changed) {
  const list = el("ul", { className: "list" });
  const problem = el("p", { className: "problem", role: "alert", hidden: true });
  const summary = el("summary", { className: "small" }, t("rules.versions"));
  const part = el("details", {}, summary, list, problem);
  part.addEventListener("toggle", () => part.open && doing(summary, problem, () => show(item, list, { problem, changed })));
  return part;
}

async function show(item, list, context) {
  const path = `/rules/${encodeURIComponent(item.name)}`;
  const { items } = await ask(`${path}/versions`);
  list.replaceChildren(...items.map((version, index) => row(version, items[index + 1], { ...context, path, current: item.version })));
}

function row(version, before, { path, problem, changed, current }) {
  const diff = el("pre", { className: "diff", hidden: true, tabindex: 0 });
  const compare = button(t("rules.compare"), () =>
    doing(compare, problem, async () => {
      const { text } = await ask(`${path}/diff?from=${before.version}&to=${version.version}`);
      diff.replaceChildren(...diffLines(text));
      diff.hidden = false;
    }),
  );
  const restore = button(t("rules.restore"), () =>
    doing(restore, problem, async () => {
      await send(`${path}/versions/${version.version}/restore`, { by: person() }, { version: current });
      await changed();
    }),
  );
  const canRestore = version.version !== current && version.rule;
  return el(
    "li",
    {},
    el("p", { className: "line" }, el("strong", {}, t("rules.version", { version: version.version })), named("rules.action", version.action), el("span", { className: "small muted" }, `${version.by} · `, when(version.at)), before ? compare : null, canRestore ? restore : null),
    version.comment ? el("p", { className: "small" }, version.comment) : null,
    diff,
  );
}

/** Signs say what was added and removed; colours only help. */
function diffLines(text) {
  const kinds = { "+": "added", "-": "removed" };
  return text.split("\n").map((line) => el("span", { className: kinds[line[0]] || "" }, `${line}\n`));
}
