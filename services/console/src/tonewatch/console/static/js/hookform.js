// The form that adds a subscription.

import { send } from "./api.js";
import { byId } from "./dom.js";
import { person } from "./frame.js";
import { doing } from "./parts.js";
import { showSecret } from "./secret.js";
import { t } from "./text.js";

/** Bring the form to life; `changed` is called when one was added. */
export function hookForm(changed) {
  const form = byId("add-hook");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    const made = await doing(button, byId("add-problem"), () => send("/webhooks", wishOf(form)));
    if (!made) return;
    form.reset();
    byId("add-part").open = false;
    showSecret(made);
    await changed();
  });
}

function wishOf(form) {
  const value = (name) => form.elements[name].value.trim();
  const types = [...form.querySelectorAll("[name=type]:checked")].map((box) => box.value);
  const rules = value("rules").split(/[,，]/).map((each) => each.trim()).filter(Boolean);
  const rate = value("rate_per_minute");
  return {
    name: value("name"),
    url: value("url"),
    body_format: value("body_format"),
    headers: pairs(value("headers").split("\n"), ":", "hooks.header_wrong"),
    ...(rate ? { rate_per_minute: Number(rate) } : {}),
    filter: {
      rules,
      min_priority: value("min_priority") || null,
      labels: pairs(value("labels").split(/[,，]/), "=", "hooks.label_wrong"),
      event_types: types,
    },
    by: person(),
  };
}

function pairs(lines, sign, wrong) {
  const given = lines.map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(given.map((line) => {
    const at = line.indexOf(sign);
    if (at < 1) throw new Error(t(wrong, { line }));
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  }));
}
