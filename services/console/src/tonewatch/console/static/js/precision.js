// How often each rule was right, as people judged its alerts.

import { byId, el } from "./dom.js";
import { fill } from "./parts.js";
import { percent, t } from "./text.js";

/** Rows of /stats/alerts; a share of few judged alerts says how few they were. */
export function showPrecision(items) {
  byId("precision-part").hidden = !items.length;
  fill(byId("precision"), items.map(row));
}

function row(item) {
  const link = el("a", { href: `/alerts?rule=${encodeURIComponent(item.rule)}` }, item.rule);
  const right = item.precision === null ? t("stats.unjudged") : t("stats.right", { percent: percent(item.precision), judged: item.judged });
  return el("tr", {}, el("td", {}, link), el("td", { className: "number" }, item.alerts), el("td", { className: "number" }, right));
}
