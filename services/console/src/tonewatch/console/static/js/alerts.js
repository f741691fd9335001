// The list of the newest alerts on the live page.

import { ask } from "./api.js";
import { byId, el, labelChips, say } from "./dom.js";
import { callName } from "./live.js";
import { isNews, missed } from "./notify.js";
import { facts, headline, heard, tell } from "./popups.js";
import { named, t } from "./text.js";

const SHOWN = 50;

const alerts = new Map();

const moment = (alert) => Date.parse(alert.decided_at || heard(alert)) || 0;

function merge(alert) {
  const known = alerts.get(alert.alert_id);
  // both transitions may come in any order and twice: resolved is final
  if (known && known.state === "resolved" && alert.state !== "resolved") return false;
  alerts.set(alert.alert_id, { ...known, ...alert });
  return !known;
}

function row(alert) {
  const chips = el("ul", { className: "chips" }, ...labelChips(alert.labels, (name) => named("label", name)));
  return el("li", { className: `alert ${alert.state}`, "data-alert": alert.alert_id }, el("p", { className: "line" }, ...headline(alert)), ...facts(alert, callName(alert.session_id)), chips);
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

export function snapshot(board) {
  board.alerts.forEach(merge);
  missed(board.alerts).forEach((alert) => tell(alert, callName(alert.session_id)));
  render();
}

export function onAlert(alert) {
  if (merge(alert) && isNews(alert)) tell(alert, callName(alert.session_id));
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
