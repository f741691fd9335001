// The waveform of a recording: a pause or a raised voice is seen above its emotion.

import { el } from "./dom.js";

const LARGEST_BYTES = 32 * 2 ** 20; // decoded it is many times as large
const RATE = 8000;
const COLUMNS = 2000;

/** Loudest sample of each of `COLUMNS` parts and the length in seconds; null if the browser cannot decode it. */
export async function peaksOf(file) {
  if (file.size > LARGEST_BYTES || !window.OfflineAudioContext) return null;
  try {
    const audio = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await file.arrayBuffer());
    return { seconds: audio.duration, peaks: fold(audio) };
  } catch {
    return null;
  }
}

function fold(audio) {
  const peaks = new Float32Array(Math.min(COLUMNS, audio.length));
  for (let channel = 0; channel < audio.numberOfChannels; channel += 1) {
    audio.getChannelData(channel).forEach((sample, index) => {
      const column = Math.floor((index * peaks.length) / audio.length);
      peaks[column] = Math.max(peaks[column], Math.abs(sample));
    });
  }
  return peaks;
}

export class Waveform {
  /** `seconds` is what the whole width stands for; `onPick` gets the second that was chosen. */
  constructor({ seconds: length, peaks }, { seconds, label, onPick }) {
    this.share = length / seconds;
    this.peaks = peaks;
    this.canvas = el("canvas", { role: "img", "aria-label": label, className: "pickable" });
    this.root = el("div", { className: "waveform" }, this.canvas);
    this.canvas.addEventListener("click", (event) => {
      const { left, width } = this.canvas.getBoundingClientRect();
      onPick(((event.clientX - left) / width) * seconds);
    });
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.root);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.draw();
    this.scheme.addEventListener("change", this.redraw);
  }

  dispose() {
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.redraw);
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.root;
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.fillStyle = getComputedStyle(this.root).color;
    const loudest = this.peaks.reduce((most, peak) => Math.max(most, peak), 0.05);
    const step = (width * this.share) / this.peaks.length;
    this.peaks.forEach((peak, index) => {
      const tall = Math.max(1, (height * peak) / loudest);
      pen.fillRect(index * step, (height - tall) / 2, Math.max(step, 0.5), tall);
    });
  }
}
