// The inbox of alerts: the list, its filters, the keys, and what arrives while somebody looks.

import { acknowledge } from "./alertacts.js";
import { AlertDetail } from "./alertdetail.js";
import { grouped } from "./alertgroups.js";
import { alertRow } from "./alertrow.js";
import { ask, every, query } from "./api.js";
import { byId, el, say } from "./dom.js";
import { LiveStream } from "./events.js";
import { frame } from "./frame.js";
import { keys } from "./keys.js";
import { loading } from "./loading.js";
import { announce, missed, wireNotify } from "./notify.js";
import { fill, fromAddress, valuesOf } from "./parts.js";
import { can } from "./person.js";
import { showSilences } from "./silences.js";
import { t } from "./text.js";

const PAGE = 50;
const MOST = 500;
const ARRIVALS_MS = [250, 1200, 4000]; // the ledger learns of an alert a moment after the stream
const filters = byId("filters");
const list = byId("inbox");

let alerts = [];
let shown = "";
let wanted = PAGE;

function address() {
  const { unacknowledged, group: _, ...rest } = valuesOf(filters);
  return { ...rest, acknowledged: unacknowledged ? "false" : "" };
}

const newest = () => ask(`/inbox${query({ ...address(), limit: wanted })}`);
const load = loading(byId("inbox-problem"), newest, ({ items, next_cursor: more }) => {
  alerts = items;
  byId("inbox-more").hidden = !more || wanted >= MOST;
  byId("inbox-count").textContent = t("inbox.count", { count: `${items.length}${more ? "+" : ""}` });
  render();
  detail.follow(alerts.find((each) => each.alert_id === detail.id));
});

function render() {
  const { group } = valuesOf(filters);
  const seen = JSON.stringify([alerts, detail.id, group]);
  if (seen === shown) return;
  shown = seen;
  const row = (alert) => alertRow(alert, { open: () => open(alert.alert_id), isOpen: alert.alert_id === detail.id });
  const rows = grouped(alerts, group).flatMap(({ heading, items }) => [...(heading ? [heading] : []), ...items.map(row)]);
  fill(list, rows, byId("inbox-empty"));
}

/** Something was done with an alert: list and detail show it, and what is to be said of it. */
async function changed(said = "") {
  detail.note = said;
  await Promise.all([load(), detail.reload(), showSilences()]);
}

const detail = new AlertDetail(byId("detail"), { changed, close });

async function open(id) {
  byId("inbox-layout").classList.add("open");
  await detail.show(id);
  render();
  const values = { ...valuesOf(filters), open: id };
  history.replaceState(null, "", location.pathname + query(values));
}

function close() {
  if (!detail.id) return false;
  const { id } = detail;
  byId("inbox-layout").classList.remove("open");
  detail.clear();
  render();
  buttonOf(id)?.focus();
  return true;
}

const buttons = () => [...list.querySelectorAll("button.row")];
const buttonOf = (id) => buttons().find((each) => each.dataset.key === id);
const current = () => document.activeElement.closest?.("button.row")?.dataset.key || detail.id;

function move(step) {
  const all = buttons();
  const at = all.findIndex((each) => each.dataset.key === current());
  all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))]?.focus();
}

async function acknowledgeCurrent() {
  const id = current();
  if (!id) return;
  try {
    const said = await acknowledge(id);
    say(byId("inbox-problem"), id === detail.id ? "" : said);
    await changed(said);
  } catch (error) {
    say(byId("inbox-problem"), error.message);
  }
}

keys({
  j: [t("keys.down"), () => move(1)],
  k: [t("keys.up"), () => move(-1)],
  Enter: [t("keys.open"), () => false], // the row is a button: the browser does it
  ...(can("alerts:act") ? { a: [t("keys.acknowledge"), acknowledgeCurrent] } : {}),
  Escape: [t("keys.shut"), close],
});

filters.addEventListener("input", () => {
  wanted = PAGE;
  history.replaceState(null, "", location.pathname + query({ ...valuesOf(filters), open: detail.id || "" }));
  load();
});
filters.addEventListener("submit", (event) => event.preventDefault());
byId("inbox-more").addEventListener("click", () => {
  wanted = Math.min(MOST, wanted + PAGE);
  load();
});

async function nameRules() {
  const { rules } = await ask("/rules").catch(() => ({ rules: [] }));
  byId("rule-names").replaceChildren(...rules.map((rule) => el("option", { value: rule.name })));
}

frame({ hasOwnStream: true });
wireNotify();
fromAddress(filters);
nameRules();
new LiveStream({
  snapshot: (board) => {
    missed(board.alerts).forEach((alert) => announce(alert));
    load();
  },
  alert: (alert) => {
    announce(alert);
    for (const milliseconds of ARRIVALS_MS) setTimeout(load, milliseconds);
  },
}).start();
every(10_000, load); // what other people do comes by no stream
every(30_000, showSilences);
const linked = new URLSearchParams(location.search).get("open");
if (linked) open(linked);
