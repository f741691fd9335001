// The form that adds a source: each kind has its own fields, and its own things to copy afterwards.

import { send } from "./api.js";
import { copyList } from "./copies.js";
import { byId, el, say } from "./dom.js";
import { t } from "./text.js";

/** Bring the form to life; `onAdded` is called after each try. */
export function sourceForm(onAdded) {
  const form = byId("add-source");
  const button = form.querySelector("button[type=submit]");
  form.addEventListener("change", () => showFields(form));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true; // or a second press would add a second source
    try {
      showAdded(await send("/sources", wishOf(form.elements)));
      form.reset();
      showFields(form);
      say(byId("add-problem"), "");
    } catch (error) {
      // beside the answer to the last wish: its key may not be copied yet
      say(byId("add-problem"), error.message);
    }
    button.disabled = false;
    onAdded();
  });
  showFields(form);
}

/** Show the fields of the chosen kind; a hidden one is disabled, so that it is neither asked for nor sent. */
function showFields(form) {
  const { kind, channels } = form.elements;
  for (const part of form.querySelectorAll("[data-kinds]")) {
    const isOfKind = part.dataset.kinds.split(" ").includes(kind.value);
    const isOfLayout = !("split" in part.dataset) || channels.value !== "mixed";
    part.hidden = !(isOfKind && isOfLayout);
    for (const field of part.querySelectorAll("input, select")) field.disabled = part.hidden;
  }
}

function wishOf(fields) {
  const valueOf = (field) => (field.disabled ? "" : field.value.trim());
  const wish = { name: valueOf(fields.name), kind: fields.kind.value, labels: labelsOf(valueOf(fields.labels)) };
  if (valueOf(fields.url)) wish.url = valueOf(fields.url);
  if (valueOf(fields.channels)) wish.channels = valueOf(fields.channels);
  if (valueOf(fields.unmonitored)) wish.policy = { [valueOf(fields.unmonitored)]: "off" };
  const permitted = valueOf(fields.permitted).split(/[\s,，、]+/).filter(Boolean);
  if (permitted.length) wish.permitted_labels = permitted;
  return wish;
}

function labelsOf(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const [name, ...rest] = line.split("=");
    if (!name.trim() || !rest.length) throw new Error(t("sources.labels_wrong", { line }));
    return [name.trim(), rest.join("=").trim()];
  }));
}

function showAdded(source) {
  const once = source.stream_key ? [el("p", { className: "once" }, t("sources.once")), copyList(source)] : [];
  byId("add-answer").replaceChildren(el("p", {}, t("sources.saved", { name: source.name })), ...once);
  byId("add-answer").scrollIntoView({ block: "nearest" });
}
