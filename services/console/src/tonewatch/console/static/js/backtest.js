// What a rule would have found: run over stored calls, drawn on an axis of time, and listed.

import { ApiError } from "./api.js";
import { el, say } from "./dom.js";
import { timeAxis } from "./timeaxis.js";
import { button, when } from "./parts.js";
import { named, percent, t } from "./text.js";
import { span } from "./units.js";

const DAY_MS = 24 * 3600 * 1000;
const DAYS = 7;
const LISTED = 200;

/** A part to try a rule with; `asked` gives what is tried (a draft or a name), or null if nothing can be. */
export function backtest(asked) {
  const form = spanForm();
  const problem = el("p", { className: "problem", role: "alert", hidden: true });
  const progress = el("p", { role: "status" });
  const picture = el("div");
  const list = el("ol", { className: "list", tabindex: 0, "aria-label": t("backtest.found"), hidden: true });
  const run = el("button", { type: "submit" }, t("backtest.run"));
  const stop = button(t("backtest.stop"), () => form.running?.abort(), { hidden: true });
  form.append(run, stop);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wish = asked();
    if (!wish) return say(problem, t("backtest.not_yet"));
    say(problem, "");
    form.running = new AbortController();
    [run.disabled, stop.hidden] = [true, false];
    const found = [];
    const between = spanOf(form);
    try {
      await readLines({ ...wish, ...between }, form.running.signal, (line) => {
        if (line.type === "error") throw new Error(line.detail);
        if (line.type === "alert") return found.push(line);
        progress.textContent = progressText(line);
        return picture.replaceChildren(timeAxis(between, found.map(markOf)));
      });
    } catch (error) {
      if (error.name === "AbortError") progress.textContent = t("backtest.stopped", { count: found.length });
      else say(problem, error.message);
    }
    list.replaceChildren(...found.slice(0, LISTED).map(foundItem));
    list.hidden = !found.length;
    [run.disabled, stop.hidden] = [false, true];
    return undefined;
  });
  return el("details", { className: "backtest" }, el("summary", {}, t("backtest.title")), form, problem, progress, picture, list);
}

function spanForm() {
  const field = (name, moment) => el("input", { type: "datetime-local", name, required: true, step: 60, value: localText(moment) });
  const now = Date.now();
  return el(
    "form",
    { className: "filters" },
    el("label", {}, t("history.from"), field("from", now - DAYS * DAY_MS)),
    el("label", {}, t("history.to"), field("to", now + 60_000)),
  );
}

/** A moment as fields of the browser want it: in the viewer's zone, to the minute. */
function localText(milliseconds) {
  const moment = new Date(milliseconds);
  return new Date(milliseconds - 60_000 * moment.getTimezoneOffset()).toISOString().slice(0, 16);
}

const spanOf = (form) => {
  const { from, to } = form.elements;
  return { from: new Date(from.value).toISOString(), to: new Date(to.value).toISOString() };
};

/** Ask, and hand over each line of the answer as it comes. */
async function readLines(wish, signal, take) {
  const headers = { Accept: "application/x-ndjson", "Content-Type": "application/json" };
  const answer = await fetch("/api/v1/rules/backtest", { method: "POST", headers, body: JSON.stringify(wish), signal });
  if (!answer.ok) throw new ApiError(answer.status, await answer.json().catch(() => null));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop();
    lines.filter(Boolean).map((line) => JSON.parse(line)).forEach(take);
    if (done) return;
  }
}

function progressText({ type, alerts, sessions, seconds, why_stopped: why }) {
  const values = { alerts, sessions, time: span(seconds) };
  if (type !== "summary") return t("backtest.progress", values);
  return t("backtest.done", values) + (why ? ` ${t("backtest.partly", { why })}` : "");
}

const callOf = ({ session_id: id }) => `/calls/${encodeURIComponent(id)}`;
const titleOf = ({ speaker, labels, session_id: id, value }) =>
  [Object.values(labels).join(" ") || id, named("speaker", speaker), `${percent(value)} %`].join(" · ");

const markOf = (found) => ({ at: found.fired_at, until: found.resolved_at, link: callOf(found), title: titleOf(found) });

function foundItem(found) {
  const text = found.message ? el("p", { className: "small muted" }, found.message) : null;
  return el("li", {}, el("p", { className: "line" }, when(found.fired_at), el("a", { href: callOf(found) }, titleOf(found))), text);
}
