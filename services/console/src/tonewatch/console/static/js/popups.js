// An alert that fires pops up, whatever page somebody is on.

import { byId, el } from "./dom.js";
import { LiveStream } from "./events.js";
import { announce, isNews, missed } from "./notify.js";
import { callAddress } from "./results.js";
import { emotionName, named, percent, t, wallTime } from "./text.js";

const TOAST_MS = 12_000;
const TOASTS = 4;

// storage tells both moments of an alert, the stream only that of the transition
export const heard = (alert) => alert.at || alert.resolved_at || alert.fired_at || alert.started_at;

/** What an alert is, in a line. */
export function headline(alert) {
  const address = `/alerts?open=${encodeURIComponent(alert.alert_id)}`;
  return [
    el("strong", {}, el("a", { href: address }, alert.rule)),
    el("span", { className: `badge ${alert.state}` }, named("alerts", alert.state)),
    el("span", { className: `badge priority-${alert.priority}` }, named("priority", alert.priority)),
  ];
}

/** Whose it is, and what was measured. */
export function facts(alert, callName) {
  const emotions = (alert.emotions || []).map(emotionName).join(" + ");
  const value = t("alerts.value", { value: percent(alert.value) + " %", threshold: percent(alert.threshold) + " %" });
  const call = el("a", { href: callAddress(alert.session_id) }, callName || alert.session_id);
  const who = alert.speaker === "mixed" ? "" : ` · ${named("speaker", alert.speaker)}`;
  return [
    el("p", { className: "small" }, call, `${who} · `, el("time", { datetime: heard(alert) }, wallTime(heard(alert)))),
    el("p", { className: "small muted" }, `${emotions}: ${value}`),
  ];
}

function toast(alert, callName) {
  const box = el("div", { className: `toast priority-${alert.priority}`, role: "alert" });
  const close = () => box.remove();
  const button = el("button", { type: "button", className: "close", "aria-label": t("alerts.close"), onclick: close }, "×");
  box.append(el("p", { className: "line" }, ...headline(alert)), ...facts(alert, callName), button);
  byId("toasts").prepend(box);
  [...byId("toasts").children].slice(TOASTS).forEach((old) => old.remove());
  let timer = setTimeout(close, TOAST_MS);
  // it must not vanish under the pointer or the keyboard focus
  for (const name of ["pointerenter", "focusin"]) box.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"]) box.addEventListener(name, () => (timer = setTimeout(close, TOAST_MS)));
}

/** A toast, and what else somebody asked for; of one call by the name that the page knows. */
export function tell(alert, callName) {
  toast(alert, callName);
  announce(alert, callName);
}

/** Follow the alerts from a page that is about something else. */
export function popUps() {
  const stream = new LiveStream({
    snapshot: (board) => missed(board.alerts).forEach((alert) => tell(alert)),
    alert: (alert) => isNews(alert) && tell(alert),
  });
  // a browser holds six connections to a host, for all its tabs: those that nobody sees leave theirs to the others
  const follow = () => (document.hidden ? stream.stop() : stream.start());
  document.addEventListener("visibilitychange", follow);
  follow();
}
