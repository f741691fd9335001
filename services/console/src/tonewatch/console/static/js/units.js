// Amounts with units that a person reads at once.

import { t } from "./text.js";

const STEP = 1024;
const NAMES = ["B", "KiB", "MiB", "GiB", "TiB"];
const MINUTE = 60;
const HOUR = 3600;

export function bytes(amount) {
  const power = Math.min(NAMES.length - 1, Math.floor(Math.log(Math.max(amount, 1)) / Math.log(STEP)));
  return `${(amount / STEP ** power).toFixed(power > 1 ? 1 : 0)} ${NAMES[power]}`;
}

/** A length of time in its largest unit. */
export function span(seconds) {
  if (seconds < MINUTE) return t("unit.seconds", { count: seconds.toFixed(1) });
  if (seconds < HOUR) return t("unit.minutes", { count: Math.round(seconds / MINUTE) });
  return t("unit.hours", { count: Math.round(seconds / HOUR) });
}
