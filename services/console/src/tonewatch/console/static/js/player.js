// The player of the recording that is tried, and the line that shows where it is.

import { byId } from "./dom.js";

let address = null;
let length = 0;

/** Take a recording in; a format that the browser cannot play is said. */
export function load(file) {
  if (address) URL.revokeObjectURL(address);
  address = URL.createObjectURL(file);
  byId("unplayable").hidden = true;
  byId("player").hidden = false;
  byId("player").src = address;
}

export function playFrom(seconds) {
  const player = byId("player");
  if (player.hidden) return;
  player.currentTime = Math.max(0, seconds);
  player.play().catch(() => null); // the browser said in `error` what it cannot play
}

/** How many seconds the whole width of the drawings stands for. */
export function follow(seconds) {
  length = seconds;
  mark();
}

function mark() {
  const { currentTime: at } = byId("player");
  for (const line of byId("tracks").querySelectorAll(".playhead")) {
    line.hidden = !at || !length;
    line.style.left = `${(100 * Math.min(at, length)) / Math.max(length, 1)}%`;
  }
}

export function wirePlayer() {
  const player = byId("player");
  player.addEventListener("timeupdate", mark);
  player.addEventListener("error", () => {
    player.hidden = true;
    byId("unplayable").hidden = false;
  });
}
