// What was heard on the whole: distribution, agents compared, hours of the week.

import { ask, query } from "./api.js";
import { byId, el, say } from "./dom.js";
import { fill } from "./parts.js";
import { showPrecision } from "./precision.js";
import { emotionName, percent, position, t, wallTime } from "./text.js";
import { showTrend } from "./trend.js";

const HOURS = 24;
const locale = document.documentElement.lang;
const weekday = new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" });
const MONDAY_MS = Date.UTC(2026, 0, 5);
const DAY_MS = 86_400_000;

/** Each part shows what it gets; a part that storage cannot tell now is left out, and said. */
export async function showStatistics(values) {
  const asked = { ...values, tz: Intl.DateTimeFormat().resolvedOptions().timeZone };
  const { emotion, by } = Object.fromEntries(["emotion", "by"].map((name) => [name, byId(`stats-${name}`).value]));
  const problem = byId("stats-problem");
  try {
    const emotions = await ask(`/stats/emotions${query(asked)}`);
    say(problem, "");
    distribution(emotions);
    span(emotions);
  } catch (error) {
    say(problem, t("part.away", { detail: error.message }));
    return;
  }
  const more = (path, extra = {}) => ask(path + query({ ...asked, ...extra })).then(({ items }) => items, missing(problem));
  const [points, compared, hours, rules] = await Promise.all([
    more("/stats/trend", { by }),
    more("/stats/agents", { emotion }),
    more("/stats/heatmap", { emotion }),
    more("/stats/alerts"),
  ]);
  showTrend(points, by);
  agents(compared);
  heat(hours, emotion);
  showPrecision(rules);
}

const missing = (problem) => (error) => {
  say(problem, t("part.away", { detail: error.message }));
  return [];
};

function distribution({ items, total, speech_seconds: speech }) {
  const spoken = items.filter((item) => item.seconds > 0);
  const rows = spoken.map((item) => {
    const bar = el("i", { className: `fill emotion-${item.emotion}` });
    bar.style.width = `${100 * item.share}%`;
    return el(
      "div",
      { className: "bar", role: "listitem" },
      el("span", { className: "bar-name" }, emotionName(item.emotion)),
      el("span", { className: "bar-room" }, bar),
      el("span", { className: "bar-value" }, `${(100 * item.share).toFixed(1)} %`),
    );
  });
  fill(byId("distribution"), rows, byId("distribution-empty"));
  byId("distribution-note").textContent = total ? t("stats.of", { total: position(total), speech: position(speech ?? total) }) : "";
}

function span({ covers_from: from, covers_to: to }) {
  const text = [from && wallTime(from), to && wallTime(to)];
  byId("stats-span").textContent = from || to ? text.map((each) => each || "…").join(" – ") : t("stats.all_time");
}

function agents(items) {
  byId("agents-part").hidden = !items.length;
  const rows = items.map((item) =>
    el(
      "tr",
      {},
      el("td", {}, item.agent_id ? el("a", { href: `/history${query({ agent_id: item.agent_id })}` }, item.agent_id) : t("stats.no_agent")),
      el("td", { className: "number" }, position(item.speech_seconds)),
      el("td", { className: "number" }, `${(100 * item.share).toFixed(1)} %`),
      el("td", { className: "number" }, item.alerts),
    ),
  );
  fill(byId("agents"), rows);
}

/** The deeper the colour the larger the share; every cell also has its words. */
function heat(cells, emotion) {
  const most = Math.max(0, ...cells.map((cell) => cell.share ?? 0));
  byId("heat-part").hidden = most === 0;
  if (!most) return;
  const marks = cells.map((cell) => {
    const day = weekday.format(MONDAY_MS + cell.weekday * DAY_MS);
    const words = cell.share === null ? t("stats.none") : t("stats.cell", { share: percent(cell.share), emotion: emotionName(emotion) });
    const mark = el("i", { className: cell.share ? `emotion-${emotion}` : "none", title: `${day} ${cell.hour}:00 · ${words}` });
    if (cell.share) mark.style.opacity = String(0.15 + (0.85 * cell.share) / most);
    return cell.hour ? [mark] : [el("b", {}, day), mark];
  });
  const hours = [...Array(HOURS).keys()].map((hour) => el("span", {}, hour % 6 ? "" : String(hour)));
  byId("heat").replaceChildren(el("b", {}), ...hours, ...marks.flat());
  byId("heat").setAttribute("aria-label", heatSummary(cells, emotion));
}

function heatSummary(cells, emotion) {
  const worst = cells.filter((cell) => cell.share).sort((a, b) => b.share - a.share).slice(0, 3);
  const words = worst.map((cell) => `${weekday.format(MONDAY_MS + cell.weekday * DAY_MS)} ${cell.hour}:00 ${percent(cell.share)} %`);
  return `${t("stats.heat")}, ${emotionName(emotion)}: ${words.join(", ")}`;
}
