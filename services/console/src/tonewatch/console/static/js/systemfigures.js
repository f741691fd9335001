// The figures that tell at one look whether the whole keeps up.

import { el } from "./dom.js";
import { t } from "./text.js";
import { bytes, span } from "./units.js";

const LATE_SECONDS = 5;

/** Names and values; `before` is an earlier answer, to tell how much was done since. */
export function figureItems(now, before, engine) {
  const { figures } = now;
  const perSecond = (name) => rate(now, before, name);
  const late = figures.oldest_unscored_seconds;
  const rows = [
    [t("figure.heard"), perSecond("frames_published_total")],
    [t("figure.scored"), perSecond("frames_scored_total")],
    [t("figure.stored"), perSecond("records_written_total")],
    [t("figure.waiting"), known(late, span), late > LATE_SECONDS],
    [t("figure.real_time"), known(figures.real_time_factor, (value) => value.toFixed(3)), figures.real_time_factor > 1],
    [t("figure.hop"), known(figures.hop_seconds, span), figures.hop_seconds > 1],
    [t("figure.device"), engine ? engine.device : null],
    [t("figure.gpu"), figures.gpu_memory_bytes ? bytes(figures.gpu_memory_bytes) : null],
    [t("figure.deliveries"), known(figures.deliveries_waiting, String)],
    [t("figure.database"), known(figures.database_bytes, bytes)],
    [t("figure.disk"), known(figures.disk_level, (level) => t(`disk.${level}`)), figures.disk_level > 0],
    [t("figure.dead"), known(figures.dead_letters_total, String), figures.dead_letters_total > 0],
    [t("figure.failures"), known(figures.loop_failures_total, String), figures.loop_failures_total > 0],
    [t("figure.viewers"), known(figures.live_viewers, String)],
  ];
  return rows.filter(([, value]) => value !== null).map(([name, value, isBad]) => item(name, value, isBad));
}

const known = (value, shown) => (value === null || value === undefined ? null : shown(value));

/** How often a second a counter counted between two looks; a service that was restarted counts anew. */
function rate(now, before, name) {
  const [was, is] = [before?.figures[name], now.figures[name]];
  const seconds = before ? (Date.parse(now.at) - Date.parse(before.at)) / 1000 : 0;
  if (is === null || is === undefined) return null;
  if (!(seconds > 0) || was === null || was === undefined || is < was) return "…";
  return t("unit.per_second", { count: ((is - was) / seconds).toFixed(1) });
}

/** A sign says that something is wrong; the colour only helps. */
function item(name, value, isBad) {
  return el("div", { className: isBad ? "figure bad" : "figure" }, el("dt", {}, name), el("dd", {}, isBad ? "⚠ " : null, value));
}
