// The accounts: made, changed, removed; and the one-time link by which somebody chooses a password.

import { ask, send } from "./api.js";
import { byId, el, labelChips, say } from "./dom.js";
import { labelsOf, labelsText } from "./labels.js";
import { loading } from "./loading.js";
import { button, doing, fill, sureButton, when } from "./parts.js";
import { me } from "./person.js";
import { showOnce } from "./secret.js";
import { named, t } from "./text.js";

const ROLES = ["admin", "supervisor", "inspector", "agent"];
const pathOf = (account) => `/users/${encodeURIComponent(account.id)}`;

export class Accounts {
  load = loading(byId("users-problem"), () => ask("/users"), ({ items }) => fill(byId("users"), items.map((account) => this.#row(account))));

  constructor() {
    const form = byId("add-user");
    const hint = () => say(byId("role-hint"), named("role.hint", form.elements.role.value));
    form.elements.role.addEventListener("change", hint);
    hint();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add(form);
    });
  }

  async #add(form) {
    const { name, role, labels } = form.elements;
    const submit = form.querySelector("button[type=submit]");
    const made = await doing(submit, byId("add-user-problem"), async () => {
      const wish = { name: name.value.trim(), role: role.value, labels: labelsOf(labels.value) };
      const account = await send("/users", wish);
      return { account, ...(await send(`${pathOf(account)}/link`, {})) };
    });
    if (!made) return;
    form.reset();
    byId("user-part").open = false;
    showLink(made.account, made.link);
    await this.load();
  }

  #row(account) {
    const problem = el("p", { className: "problem", role: "alert", hidden: true });
    const change = this.#changeForm(account, problem);
    const edit = button(t("users.change"), () => (change.hidden = !change.hidden));
    const link = button(t("users.link"), () => doing(link, problem, async () => showLink(account, (await send(`${pathOf(account)}/link`, {})).link)));
    const remove = sureButton(t("users.remove"), () =>
      doing(remove, problem, async () => {
        await ask(pathOf(account), { method: "DELETE" });
        await this.load();
      }),
    );
    const badges = [el("span", { className: "badge" }, named("role", account.role)), account.name === me.name ? el("span", { className: "badge on" }, t("users.you")) : null];
    return el(
      "li",
      { "data-user": account.name },
      el("p", { className: "line" }, el("strong", {}, account.name), ...badges, el("span", { className: "small muted" }, ...signInText(account))),
      el("ul", { className: "chips" }, ...labelChips(account.labels, (label) => named("label", label))),
      el("p", { className: "tools" }, edit, link, remove),
      change,
      problem,
    );
  }

  #changeForm(account, problem) {
    const role = el("select", { name: "role" }, ...ROLES.map((each) => el("option", { value: each, selected: each === account.role }, named("role", each))));
    const labels = el("input", { name: "labels", value: labelsText(account.labels), placeholder: "agent_id=1042", autocomplete: "off" });
    const save = el("button", { type: "submit" }, t("users.keep"));
    const form = el("form", { className: "fields", hidden: true }, el("label", {}, t("users.role"), " ", role), el("label", {}, t("users.labels"), " ", labels), el("p", { className: "tools whole" }, save));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      doing(save, problem, async () => {
        await send(pathOf(account), { role: role.value, labels: labelsOf(labels.value) }, { method: "PATCH" });
        await this.load();
      });
    });
    return form;
  }
}

function signInText({ signed_in_at: last, has_password: isReady }) {
  if (last) return [`${t("users.signed_in")} `, when(last)];
  return [t(isReady ? "users.never" : "users.no_password")];
}

function showLink(account, link) {
  showOnce(byId("link"), t("users.link_of", { name: account.name }), new URL(link, location.origin).href);
}
