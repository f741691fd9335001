// One's own account: who one is, password, sessions, API keys.

import { ask, send } from "./api.js";
import { byId, el, labelChips, say } from "./dom.js";
import { frame } from "./frame.js";
import { KeyList } from "./keylist.js";
import { loading } from "./loading.js";
import { doing, facts, fill, sureButton, when } from "./parts.js";
import { me, signInAddress } from "./person.js";
import { named, t } from "./text.js";

const whoAmI = loading(byId("account-problem"), () => ask("/auth/me"), ({ name, role, labels, via }) => {
  const chips = Object.keys(labels || {}).length ? el("ul", { className: "chips" }, ...labelChips(labels, (label) => named("label", label))) : t("users.all_calls");
  byId("who-am-i").replaceChildren(facts([[t("door.name"), name], [t("users.role"), named("role", role)], [t("users.sees"), chips], [t("account.via"), named("via", via)]]));
});

const sessions = loading(byId("sessions-problem"), () => ask("/auth/sessions"), ({ items }) => {
  fill(byId("sessions"), items.map(sessionRow));
  byId("sessions-tools").replaceChildren(...(items.length > 1 ? [everywhere(items)] : []));
});

const end = (id) => ask(`/auth/sessions/${encodeURIComponent(id)}`, { method: "DELETE" });

function sessionRow(session) {
  const out = sureButton(t("door.sign_out"), () =>
    doing(out, byId("sessions-problem"), async () => {
      await end(session.id);
      if (session.current) location.assign(signInAddress());
      else await sessions();
    }),
  );
  return el(
    "li",
    { "data-session": session.id },
    el("p", { className: "line" }, el("strong", {}, browserName(session.agent)), session.current ? el("span", { className: "badge on" }, t("account.here")) : null, el("span", { className: "at-end" }, out)),
    el("p", { className: "small muted" }, `${session.address || ""} · ${t("account.since")} `, when(session.created_at), ` · ${t("account.seen")} `, when(session.used_at)),
  );
}

/** All sessions, this one last, for it ends the right to end the others. */
function everywhere(items) {
  const out = sureButton(t("account.everywhere"), () =>
    doing(out, byId("sessions-problem"), async () => {
      for (const { id } of items.filter((each) => !each.current)) await end(id);
      await end(items.find((each) => each.current).id);
      location.assign("/sign-in");
    }),
  );
  return out;
}

/** A browser and its system in a few words; what is unknown is shown as it is. */
function browserName(agent) {
  const find = (names) => names.find(([mark]) => (agent || "").includes(mark))?.[1];
  const browser = find([["Edg/", "Edge"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]]);
  const system = find([["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["Linux", "Linux"]]);
  return [browser, system].filter(Boolean).join(" · ") || agent || t("account.unknown");
}

function passwordForm() {
  const form = byId("password");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { current, new: wanted, again } = form.elements;
    say(byId("password-answer"), "");
    const done = await doing(form.querySelector("button"), byId("password-problem"), async () => {
      if (wanted.value !== again.value) throw new Error(t("door.not_alike"));
      await send("/auth/password", { current: current.value, new: wanted.value }, { method: "PUT" });
      return true;
    });
    if (!done) return;
    form.reset();
    say(byId("password-answer"), t("account.password_done"));
    await sessions();
  });
  form.querySelector("button").disabled = false; // the browser itself would send the passwords in an address
}

frame();
whoAmI();
new KeyList({ everybody: false }).load();
if (byId("password")) passwordForm();
if (byId("sessions")) sessions();
