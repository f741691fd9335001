// Which call stands first: those that may need somebody soonest.

import { PRIORITIES } from "./text.js";

const LOOK_BACK_SECONDS = 30;
const WEIGHTS = { angry: 1, fearful: 0.9, disgusted: 0.8, sad: 0.5 };
const URGENCIES = Object.fromEntries(PRIORITIES.map((name, index) => [name, PRIORITIES.length - index]));
const STEPS = 10; // of risk: a finer order would never come to rest

/** Alerts count most, by priority; then how much distress the last seconds of speech held; ended calls least. */
export function riskOf(card) {
  if (card.session.state === "ended") return -1;
  const alarm = Math.max(0, ...[...card.firing.values()].map((alert) => URGENCIES[alert.priority] || 1));
  const distress = Math.max(0, ...[...card.tracks.values()].map(distressOf));
  return 2 * alarm + Math.round(STEPS * distress) / STEPS;
}

function distressOf(ribbon) {
  const cells = ribbon.cells.slice(-LOOK_BACK_SECONDS).filter((cell) => cell?.confidence);
  const weighted = cells.reduce((sum, cell) => sum + (WEIGHTS[cell.emotion] || 0) * cell.confidence, 0);
  return cells.length ? weighted / cells.length : 0;
}

/** Bring the cards into order, moving only those that stand wrong. */
export function arrange(root, cards) {
  const ranked = cards.map((card) => [card, riskOf(card)]);
  ranked.sort(([a, left], [b, right]) => right - left || a.title.localeCompare(b.title));
  const places = new Map([...root.children].map((element, index) => [element, index]));
  const wanted = ranked.map(([card]) => card.root);
  const stay = longestRun(wanted.map((element) => places.get(element) ?? -1));
  for (let index = wanted.length - 1; index >= 0; index -= 1)
    if (!stay.has(index)) root.insertBefore(wanted[index], wanted[index + 1] ?? null);
}

/** Indices of a longest rising subsequence (-1 is not placed yet): the most cards that may stay where they are. */
export function longestRun(places) {
  const tails = []; // for each length, the index at which the best run of that length ends
  const before = new Array(places.length).fill(-1);
  places.forEach((place, index) => {
    if (place < 0) return;
    let at = tails.findIndex((tail) => places[tail] >= place);
    if (at < 0) at = tails.length;
    before[index] = at ? tails[at - 1] : -1;
    tails[at] = index;
  });
  const run = new Set();
  for (let index = tails.at(-1) ?? -1; index >= 0; index = before[index]) run.add(index);
  return run;
}
