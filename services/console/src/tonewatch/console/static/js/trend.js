// How emotions went over time: seconds of speech by hour, day or week, stacked by emotion, and the alerts.

import { byId, el, emotionMark } from "./dom.js";
import { drawnIn, svg } from "./svg.js";
import { EMOTIONS, emotionName, percent, position, t } from "./text.js";
import { showTip } from "./tip.js";

const HEIGHT = 160;
const FRAME = { left: 54, right: 6, top: 16, bottom: 20 };
const STEP_MS = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 };
const locale = document.documentElement.lang;
const FORMATS = {
  hour: new Intl.DateTimeFormat(locale, { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
  day: new Intl.DateTimeFormat(locale, { month: "numeric", day: "numeric", weekday: "short" }),
  week: new Intl.DateTimeFormat(locale, { dateStyle: "medium" }),
};

let end = () => null;

/** Draw the points of /stats/trend; none hides the part. */
export function showTrend(items, by) {
  end();
  const spoken = items.filter((item) => item.speech_seconds || item.alerts);
  byId("trend-part").hidden = !spoken.length;
  if (!spoken.length) return;
  const emotions = EMOTIONS.filter((emotion) => spoken.some((item) => item.emotions[emotion]));
  byId("trend-legend").replaceChildren(...emotions.map((emotion) => el("li", {}, emotionMark(emotion, emotionName(emotion)))), el("li", {}, el("span", { className: "mark" }, el("i", { className: "alert-mark" }), t("stats.alerts"))));
  end = drawnIn(byId("trend"), (width) => picture(spoken, { by, emotions, width }));
  byId("trend-rows").replaceChildren(...spoken.map((item) => row(item, by)));
}

const labelOf = (item, by) => FORMATS[by].format(new Date(item.start));
const sharesOf = (item) => {
  const order = EMOTIONS.filter((emotion) => item.emotions[emotion]).sort((a, b) => item.emotions[b] - item.emotions[a]);
  return order.map((emotion) => `${emotionName(emotion)} ${percent(item.emotions[emotion] / item.speech_seconds)} %`);
};

function picture(items, { by, emotions, width }) {
  const first = Date.parse(items[0].start);
  const bars = Math.round((Date.parse(items.at(-1).start) - first) / STEP_MS[by]) + 1;
  const most = Math.max(1, ...items.map((item) => item.speech_seconds));
  const room = (width - FRAME.left - FRAME.right) / bars;
  const step = Math.min(room, 48);
  const floor = HEIGHT - FRAME.bottom;
  // clocks that are put forward or back make days of other lengths: the nearest place is meant
  const x = (item) => FRAME.left + Math.round((Date.parse(item.start) - first) / STEP_MS[by]) * step;
  const tall = (seconds) => (seconds / most) * (floor - FRAME.top);
  const columns = items.map((item) => column(item, { emotions, x: x(item), width: Math.max(0.8, step * 0.82), floor, tall, by }));
  const words = `${t("stats.trend")}: ${items.slice(-3).map((item) => `${labelOf(item, by)} ${sharesOf(item).slice(0, 2).join(", ")}`).join("; ")}`;
  const line = svg("line", { class: "grid", x1: FRAME.left, x2: width - FRAME.right, y1: floor, y2: floor });
  const top = svg("text", { class: "tick", x: FRAME.left - 6, y: FRAME.top + 4, "text-anchor": "end" }, position(most));
  return svg("svg", { width, height: HEIGHT, role: "img", "aria-label": words }, line, top, ...columns, ...dates(items, { by, x, width }));
}

function column(item, { emotions, x, width, floor, tall, by }) {
  let bottom = floor;
  const parts = emotions.filter((emotion) => item.emotions[emotion]).map((emotion) => {
    const height = tall(item.emotions[emotion]);
    bottom -= height;
    return svg("rect", { class: `fill-${emotion}`, x, y: bottom, width, height });
  });
  const alerts = item.alerts ? svg("circle", { class: "alert-dot", cx: x + width / 2, cy: bottom - 6, r: 3 }) : null;
  const hit = svg("rect", { class: "hit", x, y: FRAME.top, width, height: floor - FRAME.top });
  const words = [labelOf(item, by), t("stats.trend_speech", { speech: position(item.speech_seconds) }), ...sharesOf(item).slice(0, 3), t("history.alerts", { count: item.alerts })];
  hit.addEventListener("pointermove", (event) => showTip(event, words.join(" · ")));
  hit.addEventListener("pointerleave", () => showTip(null));
  return svg("g", {}, ...parts, alerts, hit);
}

/** As many dates as fit beside each other. */
function dates(items, { by, x, width }) {
  let free = 0;
  return items.flatMap((item) => {
    const at = x(item);
    if (at < free || at > width - 60) return [];
    free = at + 96;
    return [svg("text", { class: "tick", x: at, y: HEIGHT - 5 }, labelOf(item, by))];
  });
}

function row(item, by) {
  const cell = (text) => el("td", { className: "number" }, text);
  return el("tr", {}, el("td", {}, labelOf(item, by)), cell(position(item.speech_seconds)), el("td", {}, sharesOf(item).slice(0, 3).join(", ")), cell(item.alerts));
}
