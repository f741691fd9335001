// A subscription in the list, and what can be done with it.

import { ask, send } from "./api.js";
import { el, say } from "./dom.js";
import { person } from "./frame.js";
import { badge, button, doing, facts, sureButton, when } from "./parts.js";
import { showSecret } from "./secret.js";
import { named, t } from "./text.js";

const answers = new Map(); // to tests; they outlive the list that is drawn anew
const pathOf = (hook) => `/webhooks/${encodeURIComponent(hook.id)}`;

export function hookItem(hook, changed) {
  const state = hook.enabled ? "on" : "off";
  const head = el(
    "p",
    { className: "line" },
    el("strong", {}, hook.name),
    badge("hooks.standing", state),
    hook.declared ? el("span", { className: "badge" }, t("hooks.declared")) : null,
    el("code", { className: "small" }, hook.url),
  );
  const failing = hook.failing_since ? el("p", { className: "problem" }, t("hooks.failing"), " ", when(hook.failing_since)) : null;
  const about = facts([
    [t("hooks.filter"), filterText(hook.filter)],
    [t("hooks.format"), named("hooks.format", hook.body_format)],
    [t("hooks.rate"), hook.rate_per_minute],
    [t("hooks.own_headers"), Object.keys(hook.headers).join(", ")],
    [t("hooks.waiting"), hook.waiting || null],
    [t("hooks.reason"), hook.disabled_reason],
    [t("hooks.old_secret"), when(hook.old_secret_until)],
  ]);
  return el("li", { className: "panel", "data-hook": hook.id }, head, failing, about, tools(hook, changed));
}

/** What a filter lets pass, in words. */
function filterText({ rules, min_priority: least, labels, event_types: types }) {
  const parts = [
    rules?.length && rules.join(", "),
    least && t("hooks.at_least", { priority: named("priority", least) }),
    ...Object.entries(labels || {}).map(([name, value]) => `${named("label", name)} = ${value}`),
    types?.length && types.map((type) => named("type", type.replace(".", "_"))).join(", "),
  ].filter(Boolean);
  return parts.join(" · ") || t("hooks.everything");
}

function tools(hook, changed) {
  const problem = el("p", { className: "problem", role: "alert", hidden: true });
  const answer = el("p", { className: "note", role: "status", hidden: true });
  say(answer, answers.get(hook.id));
  const doIt = (made, task) =>
    doing(made, problem, async () => {
      say(answer, "");
      await task();
    });
  const test = button(t("hooks.test"), () =>
    doIt(test, async () => {
      answers.set(hook.id, testText(await send(`${pathOf(hook)}/test`, {})));
      say(answer, answers.get(hook.id));
      await changed();
    }),
  );
  const parts = [test, ...(hook.declared ? [] : changes(hook, changed, doIt))];
  return el("div", {}, el("p", { className: "tools" }, ...parts), answer, problem);
}

/** What cannot be done with one that the settings declare. */
function changes(hook, changed, doIt) {
  const then = (task) => async () => {
    await task();
    await changed();
  };
  const toggle = button(t(hook.enabled ? "hooks.disable" : "hooks.enable"), () =>
    doIt(toggle, then(() => send(pathOf(hook), { enabled: !hook.enabled, by: person() }, { method: "PATCH" }))),
  );
  const rotate = sureButton(t("hooks.rotate"), () =>
    doIt(rotate, then(async () => showSecret(await send(`${pathOf(hook)}/rotate`, { by: person() })))),
  );
  const remove = sureButton(t("hooks.remove"), () => doIt(remove, then(() => ask(pathOf(hook), { method: "DELETE" }))));
  return [rotate, toggle, remove];
}

/** How a test went. */
function testText({ state, last_status: status, last_error: error, attempts }) {
  if (state === "delivered") return t("hooks.test_good", { status: status ?? "", milliseconds: attempts?.at(-1)?.latency_ms ?? "?" });
  return t("hooks.test_bad", { detail: error || `HTTP ${status}` });
}
