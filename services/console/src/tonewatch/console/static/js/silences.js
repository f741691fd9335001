// The silences that are in force, and the end of one.

import { endSilence } from "./alertacts.js";
import { ask } from "./api.js";
import { byId, el } from "./dom.js";
import { loading } from "./loading.js";
import { button, doing, fill, when } from "./parts.js";
import { can } from "./person.js";
import { t } from "./text.js";

const problem = byId("silences-problem");

const load = loading(problem, () => ask("/silences?expired=false"), ({ items }) => {
  fill(byId("silences"), items.map(row), byId("silences-empty"));
  byId("silence-count").textContent = items.length ? `(${items.length})` : "";
});

export async function showSilences() {
  if (can("silences:read")) await load();
}

function row(silence) {
  const end = button(t("silence.end"), () =>
    doing(end, problem, async () => {
      await endSilence(silence.id);
      await showSilences();
    }),
  );
  return el(
    "li",
    {},
    el("p", {}, el("code", {}, silence.matchers.join(", "))),
    el("p", { className: "small muted" }, `${silence.author} · `, t("silence.until"), " ", when(silence.ends_at)),
    can("silences:write") ? end : null,
  );
}
