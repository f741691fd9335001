// The small text beside the pointer.

import { byId } from "./dom.js";

/** Show a text where the pointer is; no text hides it. */
export function showTip(event, text = null) {
  const tip = byId("tip");
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  tip.style.left = `${Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${event.clientY - tip.offsetHeight - 10}px`;
}
