// Why an alert fired: what its rule compared, second by second, with the threshold drawn on the curve.

import { ask, query } from "./api.js";
import { el } from "./dom.js";
import { drawnIn, svg } from "./svg.js";
import { named, percent, position, t } from "./text.js";
import { showTip } from "./tip.js";

const AROUND_SECONDS = 20;
const LONGEST_SECONDS = 600;
const HEIGHT = 170;
const FRAME = { left: 46, right: 10, top: 12, bottom: 26 };
const TICKS = [1, 2, 5, 10, 15, 30, 60, 120];

/** Elements for an alert that storage keeps; filled when the rule was asked. */
export function whyPart(alert, kept) {
  const root = el("div", { className: "why" }, el("p", { className: "muted" }, t("why.asking")));
  show(root, alert, kept).catch((error) => {
    const text = [400, 404].includes(error.status) ? t("why.cannot", { detail: error.message }) : t("part.away", { detail: error.message });
    root.replaceChildren(el("p", { className: "problem" }, text));
  });
  return root;
}

async function show(root, alert, { first_seq: first, last_seq: last }) {
  const from = Math.max(0, first - AROUND_SECONDS);
  const limit = Math.min(LONGEST_SECONDS, last - from + 1 + AROUND_SECONDS);
  const asked = { session_id: alert.session_id, speaker: alert.speaker, from_seq: from, limit };
  const trace = await ask(`/rules/${encodeURIComponent(alert.rule)}/trace${query(asked)}`);
  const seconds = trace.tracks[alert.speaker] || [];
  if (!seconds.some((second) => second.value !== null)) {
    root.replaceChildren(el("p", { className: "empty" }, t("why.nothing")));
    return;
  }
  const chart = el("div", { className: "chart" });
  const { threshold } = alert;
  root.replaceChildren(chart, key(threshold), table(seconds));
  drawnIn(chart, (width) => curve(seconds, { threshold, width, first, last }));
}

function curve(seconds, { threshold, width, first, last }) {
  const begin = seconds[0].seq;
  const length = seconds.at(-1).seq + 1 - begin;
  const high = Math.max(1, threshold, ...seconds.map((second) => second.value ?? 0));
  const low = Math.min(0, ...seconds.map((second) => second.value ?? 0));
  const x = (seq) => FRAME.left + ((seq - begin) / length) * (width - FRAME.left - FRAME.right);
  const y = (value) => FRAME.top + ((high - value) / (high - low)) * (HEIGHT - FRAME.top - FRAME.bottom);
  const peak = seconds.reduce((most, second) => ((second.value ?? -1) > (most.value ?? -1) ? second : most));
  const words = t("why.summary", { peak: `${percent(peak.value)} %`, time: position(peak.seq), threshold: `${percent(threshold)} %` });
  const bands = seconds.filter((second) => second.state !== "idle").map((second) => band(second, x, y(low)));
  const span = svg("rect", { class: "span", x: x(first), y: FRAME.top, width: Math.max(1, x(last + 1) - x(first)), height: y(low) - FRAME.top });
  const line = svg("path", { class: "curve", d: pathOf(seconds, x, y) });
  const limit = svg("line", { class: "limit", x1: FRAME.left, x2: width - FRAME.right, y1: y(threshold), y2: y(threshold) });
  const fired = seconds.filter((second) => second.transitions.some((each) => each.state === "firing")).map((second) => mark(second.seq + 1, x, y(low)));
  const picture = svg("svg", { width, height: HEIGHT, role: "img", "aria-label": words }, span, ...grid(y, high, low, width), ...scale(begin, length, x, width), ...bands, limit, line, ...fired);
  picture.addEventListener("pointermove", (event) => {
    const at = Math.floor(begin + ((event.offsetX - FRAME.left) / (width - FRAME.left - FRAME.right)) * length);
    showTip(event, seconds.find((second) => second.seq === at) && tipText(seconds.find((second) => second.seq === at)));
  });
  picture.addEventListener("pointerleave", () => showTip(null));
  return picture;
}

/** A step per second: what was compared holds for the whole of it. */
function pathOf(seconds, x, y) {
  let isDown = false;
  return seconds
    .map(({ seq, value }) => {
      const begin = isDown ? "L" : "M";
      isDown = value !== null;
      return value === null ? "" : `${begin}${x(seq)} ${y(value)}H${x(seq + 1)}`;
    })
    .join("");
}

const band = ({ seq, state }, x, floor) => svg("rect", { class: `band ${state}`, x: x(seq), y: floor + 1, width: Math.max(0.5, x(seq + 1) - x(seq)), height: 5 });
const mark = (seq, x, floor) => svg("line", { class: "fired", x1: x(seq), x2: x(seq), y1: FRAME.top, y2: floor });

function grid(y, high, low, width) {
  const values = [0, 0.5, 1].filter((value) => value >= low && value <= high);
  return values.flatMap((value) => [
    svg("line", { class: "grid", x1: FRAME.left, x2: width - FRAME.right, y1: y(value), y2: y(value) }),
    svg("text", { class: "tick", x: FRAME.left - 6, y: y(value) + 4, "text-anchor": "end" }, `${percent(value)} %`),
  ]);
}

function scale(begin, length, x, width) {
  const pixels = (width - FRAME.left - FRAME.right) / length;
  const every = TICKS.find((seconds) => seconds * pixels >= 46) || 300;
  const marks = [];
  for (let seq = Math.ceil(begin / every) * every; seq < begin + length; seq += every)
    if (x(seq) < width - 30) marks.push(svg("text", { class: "tick", x: x(seq), y: HEIGHT - 6 }, position(seq)));
  return marks;
}

function key(threshold) {
  const part = (name, text) => el("span", { className: "key-part" }, el("i", { className: `key-mark ${name}` }), text);
  return el(
    "p",
    { className: "small muted why-key" },
    part("curve", t("why.value")),
    part("limit", t("why.threshold", { threshold: `${percent(threshold)} %` })),
    part("pending", t("why.state.pending")),
    part("firing", t("why.state.firing")),
  );
}

const valueText = ({ value }) => (value === null ? "–" : `${percent(value)} %`);
const heldText = ({ held_seconds: held, needed_seconds: needed }) => t("why.held", { held: held.toFixed(1), needed: needed.toFixed(1) });
const tipText = (second) => `${position(second.seq)}  ${valueText(second)}  ${named("why.state", second.state)}`;

function table(seconds) {
  const head = ["try.second", "why.value", "inbox.state", "why.how_long"].map((name) => el("th", { scope: "col" }, t(name)));
  const rows = seconds.map((second) =>
    el("tr", {}, el("td", {}, position(second.seq)), el("td", {}, valueText(second)), el("td", {}, named("why.state", second.state)), el("td", {}, heldText(second))),
  );
  const whole = el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
  const room = el("div", { className: "scroll why-table", tabindex: 0, role: "region", "aria-label": t("try.per_second") }, whole);
  return el("details", {}, el("summary", { className: "small" }, t("try.per_second")), room);
}
