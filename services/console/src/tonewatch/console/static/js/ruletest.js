// A test message to all whom a rule's alerts go to, and how each went.

import { send } from "./api.js";
import { el } from "./dom.js";
import { button, doing } from "./parts.js";
import { t } from "./text.js";

export function testButton(name, answers, problem) {
  const made = button(t("rules.test"), () =>
    doing(made, problem, async () => {
      const { items } = await send(`/rules/${encodeURIComponent(name)}/test`, {});
      answers.replaceChildren(...(items.length ? items.map(answerItem) : [el("li", { className: "problem" }, t("rules.test_nobody"))]));
    }),
  );
  return made;
}

/** A sign says how it went; the colour only helps. */
function answerItem({ receiver_name: name, channel, state, last_status: status, last_error: error }) {
  const isGood = state === "delivered";
  const detail = isGood ? t("delivery.delivered") : error || `HTTP ${status}`;
  return el("li", { className: isGood ? "good" : "problem" }, el("b", { "aria-hidden": "true" }, isGood ? "✓ " : "✗ "), `${name} (${channel}): ${detail}`);
}
