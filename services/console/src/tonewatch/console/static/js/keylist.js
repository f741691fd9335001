// API keys: what each may do, when it was used, its end; and a new one, shown once.

import { ask, send } from "./api.js";
import { byId, el, labelChips } from "./dom.js";
import { labelsOf } from "./labels.js";
import { loading } from "./loading.js";
import { doing, fill, sureButton, when } from "./parts.js";
import { me } from "./person.js";
import { showOnce } from "./secret.js";
import { named, t } from "./text.js";

const DAY_MS = 86_400_000;

export class KeyList {
  load = loading(byId("keys-problem"), () => ask("/keys"), ({ items }) => {
    const shown = this.everybody ? items : items.filter((key) => key.created_by === me.name);
    fill(byId("keys"), shown.map((key) => this.#row(key)), byId("keys-empty"));
  });

  /** `everybody`: the keys of all people, not only one's own. */
  constructor({ everybody }) {
    this.everybody = everybody;
    const form = byId("add-key");
    form.elements.all.addEventListener("change", () => (byId("key-scopes").hidden = form.elements.all.checked));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add(form);
    });
  }

  async #add(form) {
    const button = form.querySelector("button[type=submit]");
    const made = await doing(button, byId("add-key-problem"), () => send("/keys", wishOf(form)));
    if (!made) return;
    form.reset();
    byId("key-scopes").hidden = true;
    byId("key-part").open = false;
    showOnce(byId("secret"), t("key.once", { name: made.name }), made.key);
    await this.load();
  }

  #row(key) {
    const remove = sureButton(t("key.revoke"), () =>
      doing(remove, byId("keys-problem"), async () => {
        await ask(`/keys/${encodeURIComponent(key.id)}`, { method: "DELETE" });
        await this.load();
      }),
    );
    const scopes = key.scopes.includes("*") ? t("key.scope_all") : key.scopes.join(", ");
    const ended = key.expires_at && Date.parse(key.expires_at) <= Date.now();
    return el(
      "li",
      { "data-key": key.id },
      el("p", { className: "line" }, el("strong", {}, key.name), this.everybody ? el("span", { className: "muted" }, key.created_by) : null, ended ? el("span", { className: "badge off" }, t("key.ended")) : null, el("span", { className: "at-end" }, remove)),
      el("p", { className: "small muted" }, scopes),
      el("ul", { className: "chips" }, ...labelChips(key.labels, (label) => named("label", label))),
      el("p", { className: "small muted" }, ...moments(key)),
    );
  }
}

function moments({ created_at: made, used_at: used, expires_at: ends }) {
  return [
    `${t("key.made")} `,
    when(made),
    ` · ${t(used ? "key.used" : "key.unused")} `,
    when(used) ?? "",
    ` · ${t(ends ? "key.until" : "key.forever")} `,
    when(ends) ?? "",
  ];
}

function wishOf(form) {
  const { name, labels, days, all } = form.elements;
  const scopes = [...form.querySelectorAll("[name=scope]:checked")].map((box) => box.value);
  if (!all.checked && !scopes.length) throw new Error(t("key.no_scope"));
  const ends = days.value ? new Date(Date.now() + Number(days.value) * DAY_MS).toISOString() : null;
  return { name: name.value.trim(), scopes: all.checked ? ["*"] : scopes, labels: labelsOf(labels.value), expires_at: ends };
}
