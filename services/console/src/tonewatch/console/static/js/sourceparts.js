// A source in the list: its state, its history, its key, the settings of its encoder.

import { ask, send } from "./api.js";
import { copyList, withKey } from "./copies.js";
import { byId, el, labelChips, say } from "./dom.js";
import { loading } from "./loading.js";
import { badge, button, doing, facts, sureButton, when } from "./parts.js";
import { can } from "./person.js";
import { named, t } from "./text.js";

const PLACE_OF_KEY = "YOUR-KEY";
const pathOf = (source) => `/sources/${encodeURIComponent(source.id)}`;

export function sourceItem(source, changed) {
  const head = el(
    "p",
    { className: "line" },
    el("strong", {}, source.name),
    badge("sources.state", source.state, `source-${source.state}`),
    source.quality ? el("span", { className: "badge" }, t("sources.quality", { quality: named("quality", source.quality) })) : null,
    el("span", { className: "small muted at-end" }, named("sources.kind", source.kind)),
  );
  const about = facts([
    [t("sources.since"), when(source.since)],
    [t("sources.reason"), source.reason],
    [t("sources.url"), source.url && el("code", { className: "url" }, source.url)],
    [t("sources.calls"), source.open_sessions || null],
    [t("sources.reconnects"), source.reconnects || null],
    [t("sources.replica"), source.replica],
  ]);
  const labels = el("ul", { className: "chips" }, ...labelChips(source.labels, (name) => named("label", name)));
  const parts = [historyPart(source), source.kind === "pull" ? null : settingsPart(source)];
  return el("li", { className: "panel", "data-source": source.id }, head, about, labels, ...parts.filter(Boolean), tools(source, changed));
}

/** The newest changes of state with reasons, asked for when somebody wants to see them. */
function historyPart(source) {
  const list = el("ol", { className: "timeline" });
  const problem = el("p", { className: "problem", hidden: true });
  const part = el("details", { "data-part": `${source.id} history` }, el("summary", { className: "small" }, t("sources.history")), list, problem);
  const load = loading(problem, () => ask(`${pathOf(source)}/history`), ({ items }) => {
    list.replaceChildren(...items.map(transition));
    say(problem, items.length ? "" : t("sources.no_history"));
  });
  part.addEventListener("toggle", () => part.open && load());
  return part;
}

const transition = ({ at, state, reason }) =>
  el("li", {}, when(at), " ", badge("sources.state", state, `source-${state}`), reason ? ` ${reason}` : null);

function settingsPart(source) {
  return el(
    "details",
    { "data-part": `${source.id} settings` },
    el("summary", { className: "small" }, t("sources.settings")),
    el("p", { className: "small muted" }, t("sources.settings_hint", { key: PLACE_OF_KEY })),
    copyList(withKey(source, PLACE_OF_KEY)),
  );
}

function tools(source, changed) {
  if (!can("sources:write")) return null;
  const problem = el("p", { className: "problem", role: "alert", hidden: true });
  const then = (made, task) =>
    doing(made, problem, async () => {
      await task();
      await changed();
    });
  const rotate = sureButton(t("sources.rotate"), () =>
    then(rotate, async () => showKey(await send(`${pathOf(source)}/rotate-key`, {}))),
  );
  const remove = sureButton(t("sources.remove"), () => then(remove, () => ask(pathOf(source), { method: "DELETE" })));
  return el("div", {}, el("p", { className: "tools" }, source.kind === "pull" ? null : rotate, remove), problem);
}

/** A new key, shown this once. */
function showKey(source) {
  const box = byId("new-key");
  const done = button(t("hooks.secret_done"), () => {
    box.replaceChildren();
    box.hidden = true;
  });
  box.replaceChildren(el("p", {}, t("sources.new_key", { name: source.name })), el("p", { className: "once" }, t("sources.once")), copyList(source), el("p", { className: "tools" }, done));
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}
