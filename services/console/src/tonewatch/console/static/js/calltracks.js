// The ribbons of all speakers of a call, one above the other, on one scale of time.

import { el } from "./dom.js";
import { Ribbon } from "./ribbon.js";
import { named, t } from "./text.js";

const gap = { emotion: "gap", confidence: 0 };

export class CallTracks {
  /** `onPick` gets the second that was chosen on a ribbon. */
  constructor(root, onPick) {
    this.root = root;
    this.onPick = onPick;
    this.ribbons = [];
    this.at = null;
  }

  show(session, { items, gaps, alerts, bucket_seconds: unit = 1 }) {
    for (const ribbon of this.ribbons) ribbon.dispose();
    this.ribbons = [];
    const speakers = [...new Set([...session.speakers, ...items.map((item) => item.speaker)])];
    const last = Math.max(0, ...items.map((item) => item.seq), ...gaps.map((each) => each.last_seq));
    this.seconds = Math.max(last + 1, Math.ceil(session.duration_seconds || 0));
    this.length = Math.ceil(this.seconds / unit);
    const of = (list, speaker) => list.filter((each) => each.speaker === speaker);
    const rows = speakers.map((speaker) => this.#track(speaker, unit, of(items, speaker), of(gaps, speaker), of(alerts, speaker)));
    this.root.replaceChildren(...rows);
    for (const ribbon of this.ribbons) ribbon.draw();
    if (this.at !== null) this.mark(this.at);
  }

  #track(speaker, unit, items, gaps, alerts) {
    const ribbon = new Ribbon({ columns: this.length, axis: true, onPick: this.onPick, unit });
    const cells = new Array(this.length);
    const each = ({ first_seq: first, last_seq: last }, change) => {
      for (let index = Math.floor(first / unit); index <= Math.min(this.length - 1, Math.floor(last / unit)); index += 1) change(index);
    };
    for (const hole of gaps) each(hole, (index) => (cells[index] = { ...gap }));
    for (const item of items) {
      const { emotion, confidence, probabilities, alert_triggered: alert } = item;
      cells[Math.floor(item.seq / unit)] = { emotion, confidence: confidence ?? 0, probabilities, alert };
    }
    for (const alert of alerts) each(alert, (index) => cells[index] && (cells[index].alert = true));
    ribbon.cells = cells; // all of one length, so that the same second stands above itself
    ribbon.canvas.setAttribute("aria-label", t("call.ribbon", { speaker: named("speaker", speaker), summary: ribbon.summary() }));
    this.ribbons.push(ribbon);
    const line = el("i", { className: "playhead", hidden: true });
    ribbon.root.append(line);
    return el("div", { className: "call-track" }, el("div", { className: "track" }, el("span", { className: "muted small track-name" }, named("speaker", speaker)), ribbon.root));
  }

  mark(seconds) {
    this.at = seconds;
    for (const line of this.root.querySelectorAll(".playhead")) {
      line.hidden = false;
      line.style.left = `${(100 * Math.min(seconds, this.seconds)) / Math.max(this.seconds, 1)}%`;
    }
  }
}
