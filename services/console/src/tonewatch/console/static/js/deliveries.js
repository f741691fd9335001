// Deliveries: one attempt series to tell one receiver, with its attempts and once more please.

import { ask, send } from "./api.js";
import { el, say } from "./dom.js";
import { badge, button, doing, when } from "./parts.js";
import { can } from "./person.js";
import { named, t } from "./text.js";

const pathOf = (delivery) => `/deliveries/${encodeURIComponent(delivery.id)}`;

/** A row of the log; `changed` is called when it was sent again. */
export function deliveryRow(delivery, changed) {
  const problem = el("p", { className: "problem", role: "alert", hidden: true });
  const again = button(t("delivery.resend"), () =>
    doing(again, problem, async () => {
      await send(`${pathOf(delivery)}/resend`, {});
      say(problem, "");
      await changed();
    }),
  );
  const line = el(
    "p",
    { className: "line" },
    el("strong", {}, delivery.receiver_name || delivery.receiver),
    badge("delivery", delivery.state || "gone", `delivery-${delivery.state}`),
    el("span", { className: "small muted" }, `${delivery.channel} · ${noticeText(delivery)} · `, when(delivery.created_at)),
    el("span", { className: "at-end" }, can("deliveries:write") && delivery.state && delivery.state !== "waiting" ? again : null),
  );
  const why = delivery.last_error && delivery.state !== "delivered" ? el("p", { className: "small problem" }, delivery.last_error) : null;
  const about = delivery.rule ? el("p", { className: "small muted" }, delivery.rule) : null;
  return el("li", { "data-delivery": delivery.id }, line, about, why, problem, can("deliveries:read") && delivery.state ? attempts(delivery) : null);
}

const noticeText = ({ event_type: type, notice }) => (type ? named("type", type.replace(".", "_")) : named("notice", notice));

/** The attempts, asked for when somebody wants to see them. */
function attempts(delivery) {
  const body = el("div");
  const part = el("details", {}, el("summary", { className: "small" }, t("delivery.attempts")), body);
  part.addEventListener("toggle", async () => {
    if (!part.open) return;
    try {
      const whole = await ask(pathOf(delivery));
      body.replaceChildren(attemptTable(whole.attempts), el("pre", { tabindex: 0, "aria-label": t("delivery.payload") }, pretty(whole.payload)));
    } catch (error) {
      body.replaceChildren(el("p", { className: "problem" }, t("part.away", { detail: error.message })));
    }
  });
  return part;
}

function attemptTable(items) {
  if (!items.length) return el("p", { className: "empty" }, t("delivery.untried"));
  const rows = items.map((item) =>
    el("tr", {}, el("td", {}, when(item.at)), el("td", {}, answerText(item)), el("td", { className: "number" }, t("delivery.latency", { milliseconds: Math.round(item.latency_ms ?? 0) }))),
  );
  return el("table", {}, el("tbody", {}, ...rows));
}

function answerText({ delivered, status, error, response }) {
  const mark = delivered ? "✓" : "✗";
  const detail = [status && `HTTP ${status}`, error, !delivered && response].filter(Boolean).join(" · ");
  return `${mark} ${detail}`;
}

function pretty(payload) {
  try {
    return JSON.stringify(typeof payload === "string" ? JSON.parse(payload) : payload, null, 2);
  } catch {
    return String(payload);
  }
}
