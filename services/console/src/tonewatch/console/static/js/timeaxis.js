// Marks on an axis of time, each a link.

import { el } from "./dom.js";
import { t } from "./text.js";

const TICKS = 5;
const MOST_MARKS = 2000;
const DAY_MS = 24 * 3600 * 1000;
const FEW_DAYS = 5;
const language = document.documentElement.lang;
const hour = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const both = new Intl.DateTimeFormat(language, { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(language, { month: "numeric", day: "numeric" });

/** `marks` have `at`, `until` (or null), `link` and `title`; the span is that of `from` and `to`. */
export function timeAxis({ from, to }, marks) {
  const [begin, end] = [Date.parse(from), Date.parse(to)];
  const share = (moment) => (100 * Math.min(Math.max(moment - begin, 0), end - begin)) / Math.max(end - begin, 1);
  const moments = Array.from({ length: TICKS }, (_, index) => begin + ((end - begin) * index) / (TICKS - 1));
  const days = (end - begin) / DAY_MS;
  const format = days > FEW_DAYS ? day : days > 1 ? both : hour;
  return el(
    "div",
    { className: "time-axis", role: "group", "aria-label": t("axis.marks", { count: marks.length }) },
    el("div", { className: "time-marks" }, ...marks.slice(0, MOST_MARKS).map((mark) => markOf(mark, share))),
    el("div", { className: "time-ticks", "aria-hidden": "true" }, ...moments.map((moment) => el("span", {}, format.format(moment)))),
  );
}

function markOf({ at, until, link, title }, share) {
  const left = share(Date.parse(at));
  const mark = el("a", { href: link, title, "aria-label": title });
  mark.style.left = `${left}%`;
  mark.style.width = `${share(Date.parse(until ?? at)) - left}%`;
  return mark;
}
