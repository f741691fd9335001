// Alerts: the list of the newest, and a toast for each that fires while somebody looks.

import { ask } from "./api.js";
import { byId, el, labelChips, say } from "./dom.js";
import { callName } from "./live.js";
import { FRESH_MS, announce } from "./notify.js";
import { callAddress } from "./results.js";
import { emotionName, named, percent, t, wallTime } from "./text.js";

const SHOWN = 50;
const TOAST_MS = 12_000;
const TOASTS = 4;

const alerts = new Map();

// storage tells both moments of an alert, the stream only that of the transition
const heard = (alert) => alert.at || alert.resolved_at || alert.fired_at || alert.started_at;
const moment = (alert) => Date.parse(alert.decided_at || heard(alert)) || 0;

function merge(alert) {
  const known = alerts.get(alert.alert_id);
  // both transitions may come in any order and twice: resolved is final
  if (known && known.state === "resolved" && alert.state !== "resolved") return false;
  alerts.set(alert.alert_id, { ...known, ...alert });
  return !known;
}

function headline(alert) {
  const address = `/alerts?open=${encodeURIComponent(alert.alert_id)}`;
  return [
    el("strong", {}, el("a", { href: address }, alert.rule)),
    el("span", { className: `badge ${alert.state}` }, named("alerts", alert.state)),
    el("span", { className: `badge priority-${alert.priority}` }, named("priority", alert.priority)),
  ];
}

function facts(alert) {
  const emotions = (alert.emotions || []).map(emotionName).join(" + ");
  const value = t("alerts.value", { value: percent(alert.value) + " %", threshold: percent(alert.threshold) + " %" });
  const call = el("a", { href: callAddress(alert.session_id) }, callName(alert.session_id) || alert.session_id);
  const who = alert.speaker === "mixed" ? "" : ` · ${named("speaker", alert.speaker)}`;
  return [
    el("p", { className: "small" }, call, `${who} · `, el("time", { datetime: heard(alert) }, wallTime(heard(alert)))),
    el("p", { className: "small muted" }, `${emotions}: ${value}`),
  ];
}

function row(alert) {
  const chips = el("ul", { className: "chips" }, ...labelChips(alert.labels, (name) => named("label", name)));
  return el("li", { className: `alert ${alert.state}`, "data-alert": alert.alert_id }, el("p", { className: "line" }, ...headline(alert)), ...facts(alert), chips);
}

let planned = false;
function render() {
  if (planned) return;
  planned = true;
  requestAnimationFrame(() => {
    planned = false;
    const newest = [...alerts.values()].sort((a, b) => moment(b) - moment(a));
    for (const old of newest.slice(4 * SHOWN)) alerts.delete(old.alert_id);
    byId("alerts").replaceChildren(...newest.slice(0, SHOWN).map(row));
    byId("alerts-empty").hidden = newest.length > 0;
  });
}

function toast(alert) {
  const box = el("div", { className: `toast priority-${alert.priority}`, role: "alert" });
  const close = () => box.remove();
  const button = el("button", { type: "button", className: "close", "aria-label": t("alerts.close"), onclick: close }, "×");
  box.append(el("p", { className: "line" }, ...headline(alert)), ...facts(alert), button);
  byId("toasts").prepend(box);
  [...byId("toasts").children].slice(TOASTS).forEach((old) => old.remove());
  let timer = setTimeout(close, TOAST_MS);
  // it must not vanish under the pointer or the keyboard focus
  for (const name of ["pointerenter", "focusin"]) box.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"]) box.addEventListener(name, () => (timer = setTimeout(close, TOAST_MS)));
}

export function snapshot(board) {
  board.alerts.forEach(merge);
  render();
}

export function onAlert(alert) {
  const isNew = merge(alert);
  const isFresh = Date.now() - moment(alert) < FRESH_MS;
  if (isNew && isFresh && alert.state === "firing") toast(alert);
  if (isNew) announce(alert, callName(alert.session_id));
  render();
}

/** Alerts from before the streams' memory, from storage. */
export async function loadPast() {
  const problem = byId("alerts-problem");
  try {
    const { items } = await ask(`/alerts?limit=${SHOWN}`);
    items.forEach(merge);
    say(problem, "");
  } catch (error) {
    say(problem, t("alerts.past_away", { detail: error.message }));
  }
  render();
}
