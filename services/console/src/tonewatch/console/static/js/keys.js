// Keys that act on a page, and the help that names them.

import { byId, el } from "./dom.js";
import { t } from "./text.js";

const typing = (target) => target.closest?.("input, textarea, select, dialog[open]");

/** `bindings` maps a key to [text, action]; `?` shows them all. */
export function keys(bindings) {
  const help = byId("help");
  const names = { Enter: "Enter", Escape: "Esc" };
  const rows = [...Object.entries(bindings), ["?", [t("keys.help")]]].flatMap(([key, [text]]) => [
    el("dt", {}, el("kbd", {}, names[key] || key)),
    el("dd", {}, text),
  ]);
  byId("help-keys").replaceChildren(...rows);
  byId("help-open").addEventListener("click", () => help.showModal());
  byId("help-close").addEventListener("click", () => help.close());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "?") help.showModal();
    const action = bindings[event.key]?.[1];
    if (action && action(event) !== false) event.preventDefault();
  });
}
