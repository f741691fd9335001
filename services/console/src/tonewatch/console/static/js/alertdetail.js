// One alert: what it is, what happened to it, who was told, and what can be done with it.

import { actForms } from "./alertforms.js";
import { heldText, labelText } from "./alertrow.js";
import { ask, turns } from "./api.js";
import { deliveryRow } from "./deliveries.js";
import { el } from "./dom.js";
import { badge, button, facts, when } from "./parts.js";
import { emotionName, named, percent, t } from "./text.js";
import { whyPart } from "./why.js";

export class AlertDetail {
  /** `changed` is called after each act, `close` when the viewer goes back to the list. */
  constructor(root, { changed, close }) {
    this.root = root;
    this.changed = changed;
    this.close = close;
    this.empty = [...root.childNodes];
    this.id = null;
    this.alert = null;
    this.note = "";
    this.why = null;
    this.turn = turns();
    this.mustDraw = false;
    this.isArriving = false; // opened, but not drawn yet
  }

  clear() {
    this.id = null;
    this.isArriving = false;
    this.root.replaceChildren(...this.empty);
  }

  async show(id) {
    this.id = id;
    this.note = "";
    this.isArriving = true;
    await this.reload();
  }

  /** Ask anew and draw; if `gently`, not while somebody is writing, be it since it was asked. */
  async reload({ gently = false } = {}) {
    const { id } = this;
    if (!id) return;
    const isNewest = this.turn();
    this.mustDraw ||= !gently;
    const path = encodeURIComponent(id);
    try {
      const [alert, kept] = await Promise.all([ask(`/inbox/${path}`), ask(`/alerts/${path}`).catch((error) => ({ error }))]);
      if (id !== this.id || !isNewest()) return;
      if (!this.mustDraw && this.#isWriting()) return;
      this.mustDraw = false;
      this.alert = alert;
      this.#draw(...this.#parts(alert, kept));
    } catch (error) {
      if (error.status === 401 && this.alert?.alert_id === id) return; // what somebody writes here stays
      const problem = el("p", { className: "problem", role: "alert" }, t("part.away", { detail: error.message }));
      if (id === this.id) this.#draw(this.#back(), problem);
    }
  }

  #draw(...parts) {
    this.root.replaceChildren(...parts);
    if (!this.isArriving) return;
    this.isArriving = false;
    this.root.focus({ preventScroll: true });
    const isAlone = this.root.querySelector(".back").offsetParent !== null; // on a phone
    if (isAlone) this.root.scrollIntoView({ block: "start" });
  }

  /** Show what has become of the alert meanwhile, unless somebody is writing here. */
  follow(alert) {
    if (!alert || !this.alert || (alert.version === this.alert.version && alert.state === this.alert.state && alert.telling === this.alert.telling)) return;
    if (!this.#isWriting()) this.reload({ gently: true });
  }

  #isWriting() {
    return [...this.root.querySelectorAll("input")].some((field) => field.value !== field.defaultValue);
  }

  #back() {
    return button(t("inbox.back"), this.close, { className: "back" });
  }

  /** Drawn once for what storage knows: acting on the alert does not ask the rule again. */
  #why(alert, kept, part) {
    if (kept.error?.status === 404) return ""; // storage learns of an alert a moment after alerting
    if (kept.error) return part(t("why.title"), el("p", { className: "problem" }, t("part.away", { detail: kept.error.message })));
    const { state, last_seq: last, clip: kind } = kept;
    const key = JSON.stringify([alert.alert_id, state, last, kind?.state]);
    if (this.why?.key !== key) this.why = { key, root: part(t("why.title"), whyPart(alert, kept), ...clip(kept)) };
    return this.why.root;
  }

  #parts(alert, kept) {
    const head = el("h3", {}, alert.rule);
    const badges = el("p", { className: "line" }, badge("alerts", alert.state), badge("priority", alert.priority, `priority-${alert.priority}`));
    const note = el("p", { className: "note", role: "status", hidden: !this.note }, this.note);
    const part = (title, ...children) => el("section", {}, el("h4", {}, title), ...children);
    return [
      this.#back(),
      head,
      badges,
      el("p", {}, alert.message),
      note,
      alertFacts(alert),
      this.#why(alert, kept, part),
      ...actForms(alert, this.changed),
      part(t("inbox.timeline"), el("ol", { className: "timeline" }, ...alert.timeline.map(happened))),
      part(t("inbox.deliveries"), deliveries(alert, this.changed)),
    ];
  }
}

function alertFacts(alert) {
  const call = `/calls/${encodeURIComponent(alert.session_id)}`;
  const emotions = (alert.emotions || []).map(emotionName).join(" + ");
  const value = t("alerts.value", { value: `${percent(alert.value)} %`, threshold: `${percent(alert.threshold)} %` });
  return facts([
    [t("inbox.call"), el("a", { href: call }, alert.session_id)],
    [t("inbox.speaker"), named("speaker", alert.speaker)],
    [t("inbox.labels"), labelText(alert.labels)],
    [t("inbox.heard"), emotions && `${emotions}: ${value}`],
    [t("inbox.began"), when(alert.started_at)],
    [t("inbox.fired"), when(alert.fired_at)],
    [t("inbox.ended"), when(alert.resolved_at)],
    [t("inbox.told"), heldText(alert)],
    [t("inbox.held_by"), alert.telling === "held" ? alert.held?.by : null],
    [t("inbox.acknowledged_by"), byWhom(alert.acknowledged)],
    [t("inbox.assigned_to"), alert.assigned_to],
    [t("inbox.closed_by"), byWhom(alert.closed)],
    [t("inbox.verdict"), alert.verdict && named("verdict", alert.verdict)],
  ]);
}

const byWhom = (act) => act && el("span", {}, `${act.by}, `, when(act.at));

/** The audio around the alert, or why storage has none. */
function clip({ alert_id: id, clip: kept }) {
  if (!kept) return [];
  if (kept.state !== "kept") return [el("p", { className: "small muted" }, t("inbox.no_clip", { detail: kept.detail }))];
  const source = `/api/v1/alerts/${encodeURIComponent(id)}/clip`;
  return [el("p", { className: "small muted" }, t("inbox.clip")), el("audio", { controls: true, preload: "none", src: source, "aria-label": t("inbox.clip") })];
}

function happened(event) {
  const more = [
    event.reason && named("held", event.reason),
    event.to !== undefined && (event.to || t("inbox.nobody")),
    event.verdict && named("verdict", event.verdict),
    event.channels?.join(", "),
    event.comment && `“${event.comment}”`,
  ].filter(Boolean);
  const who = event.by && event.kind !== "held" ? ` · ${event.by}` : "";
  return el("li", {}, when(event.at), ` ${named("event", event.kind)}${who}`, more.length ? el("span", { className: "muted" }, ` ${more.join(", ")}`) : null);
}

function deliveries(alert, changed) {
  if (!alert.deliveries.length) return el("p", { className: "empty" }, t("inbox.nobody_told"));
  const rows = alert.deliveries.map((told) => deliveryRow({ ...told, id: told.delivery_id, created_at: told.at }, changed));
  return el("ul", { className: "list" }, ...rows);
}
