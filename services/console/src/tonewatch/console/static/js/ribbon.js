// The emotion ribbon: one column per second on a canvas, with a tooltip.
//
// A cell is {emotion, confidence, probabilities?, alert?}; undefined is a second not known yet.
// With probabilities a column is stacked by them, else its height is the confidence.

import { el } from "./dom.js";
import { EMOTIONS, emotionName, percent, position } from "./text.js";
import { showTip } from "./tip.js";

const MARK_PX = 5;
const AXIS_PX = 16;
const dark = matchMedia("(prefers-color-scheme: dark)");
const ribbons = new Set();
let palette = null;

function colours() {
  if (palette) return palette;
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(name).trim();
  palette = Object.fromEntries(EMOTIONS.map((name) => [name, value(`--${name}`)]));
  for (const name of ["line", "muted", "alarm", "hatch"]) palette[name] = value(`--${name}`);
  return palette;
}

dark.addEventListener("change", () => {
  palette = null;
  for (const ribbon of ribbons) ribbon.draw();
});

export class Ribbon {
  /**
   * `columns` fixes the width in cells (newest at the right); null fits what is there.
   * `unit` is how many seconds a cell stands for.
   */
  constructor({ columns = null, axis = false, onPick = null, unit = 1 }) {
    this.canvas = el("canvas", { role: "img" });
    this.root = el("div", { className: "ribbon" }, this.canvas);
    this.width = 0;
    this.total = 0; // of it, the axis is below
    this.columns = columns;
    this.axis = axis;
    this.unit = unit;
    this.first = 0;
    this.cells = [];
    this.canvas.addEventListener("pointermove", (event) => this.#showTip(event));
    this.canvas.addEventListener("pointerleave", () => showTip(null));
    if (onPick) {
      this.canvas.classList.add("pickable");
      this.canvas.addEventListener("click", (event) => onPick(this.#index(event) * unit));
    }
    // asked of the page while it is written to, its size would make the browser lay out all cards each time
    this.observer = new ResizeObserver(([{ contentRect }]) => {
      this.width = contentRect.width;
      this.total = contentRect.height;
      this.draw();
    });
    this.observer.observe(this.root);
    ribbons.add(this);
  }

  dispose() {
    this.observer.disconnect();
    ribbons.delete(this);
  }

  /** Of the cells, in pixels. */
  get height() {
    return this.total - (this.axis ? AXIS_PX : 0);
  }

  get last() {
    return this.first + this.cells.length - 1;
  }

  /** Set one second; telling it twice changes nothing. */
  put(seq, cell) {
    if (!this.cells.length) this.first = seq;
    if (seq < this.first) return;
    this.cells[seq - this.first] = cell;
    const surplus = this.columns ? this.cells.length - this.columns : 0;
    if (surplus > 0) {
      this.cells.splice(0, surplus);
      this.first += surplus;
    }
  }

  /** What a screen reader hears: the share of each emotion. */
  summary() {
    const counts = new Map();
    for (const cell of this.cells) if (cell) counts.set(cell.emotion, (counts.get(cell.emotion) || 0) + 1);
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0) || 1;
    return [...counts]
      .sort((a, b) => b[1] - a[1])
      .map(([emotion, count]) => `${emotionName(emotion)} ${percent(count / total)} %`)
      .join(", ");
  }

  draw() {
    const { width, total } = this;
    if (!width || !total) return;
    const ratio = window.devicePixelRatio || 1;
    const pen = this.canvas.getContext("2d");
    this.#fit(Math.round(width * ratio), Math.round(total * ratio));
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, total);
    const step = this.#step();
    const shift = this.#shift();
    pen.fillStyle = colours().line;
    pen.fillRect(0, this.height - 1, width, 1);
    const gap = step > 4 ? 1 : 0;
    // edges on whole pixels, or the seams between equal seconds would show
    const edge = (index) => Math.round((index + shift) * step * ratio) / ratio;
    this.cells.forEach((cell, index) => {
      if (cell) this.#column(pen, cell, edge(index), Math.max(edge(index + 1) - edge(index) - gap, 0.75));
    });
    if (this.axis) this.#scale(pen, step, width);
  }

  /** A canvas that is given its size, even the same one, gets new memory. */
  #fit(width, height) {
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
  }

  #column(pen, cell, x, width) {
    const room = this.height - MARK_PX;
    if (cell.emotion === "gap") {
      pen.fillStyle = colours().hatch;
      for (let y = MARK_PX; y < this.height; y += 6) pen.fillRect(x, y, width, 3);
    } else if (cell.emotion === "no_speech") {
      pen.fillStyle = colours().muted;
      pen.fillRect(x, this.height - 3, width, 2);
    } else if (cell.probabilities) {
      this.#stack(pen, cell.probabilities, x, width, room);
    } else {
      const height = Math.max(3, room * cell.confidence);
      pen.fillStyle = colours()[cell.emotion] || colours().muted;
      pen.fillRect(x, this.height - height, width, height);
    }
    if (cell.alert) {
      pen.fillStyle = colours().alarm;
      pen.fillRect(x, 0, width, MARK_PX - 2);
    }
  }

  #stack(pen, probabilities, x, width, room) {
    let bottom = this.height;
    // the strongest stands at the bottom, so that its run over time reads as one band
    for (const [emotion, share] of Object.entries(probabilities).sort((a, b) => b[1] - a[1])) {
      pen.fillStyle = colours()[emotion] || colours().muted;
      pen.fillRect(x, bottom - room * share, width, room * share);
      bottom -= room * share;
    }
  }

  #scale(pen, step, width) {
    const choices = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
    const pixels = step / this.unit; // of a second
    const every = choices.find((seconds) => seconds * pixels >= 44) || 3600;
    pen.fillStyle = colours().muted;
    pen.font = "11px system-ui, sans-serif";
    for (let second = 0; second * pixels < width - 16; second += every) {
      pen.fillRect(second * pixels, this.height, 1, 4);
      pen.fillText(position(this.first * this.unit + second), second * pixels + 3, this.height + 12);
    }
  }

  #step() {
    return this.width / (this.columns || Math.max(this.cells.length, 1));
  }

  #shift() {
    return this.columns ? this.columns - this.cells.length : 0;
  }

  #index(event) {
    const x = event.clientX - this.canvas.getBoundingClientRect().left;
    return this.first + Math.floor(x / this.#step()) - this.#shift();
  }

  #showTip(event) {
    const index = this.#index(event);
    const cell = this.cells[index - this.first];
    if (!cell) return showTip(event);
    const value = cell.confidence ? ` ${percent(cell.confidence)} %` : "";
    return showTip(event, `${position(index * this.unit)}  ${emotionName(cell.emotion)}${value}`);
  }
}
