// Texts in the viewer's language, and numbers and times as the viewer writes them.

const texts = JSON.parse(document.getElementById("texts").textContent);
export const EMOTIONS = JSON.parse(document.getElementById("emotions").textContent);

/** The most urgent first. */
export const PRIORITIES = ["critical", "high", "medium", "low"];

const locale = document.documentElement.lang;
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** The text of a key with its {places} filled in; a missing key shows itself. */
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}

/** The text of a key that names a value of an open set; the value itself if there is no text. */
export function named(prefix, value) {
  return texts[`${prefix}.${value}`] ?? String(value);
}

export const emotionName = (emotion) => named("emotion", emotion);
export const percent = (probability) => Math.round(probability * 100);

/** Wall time in the viewer's zone: the time for today, date and time for other days. */
export function wallTime(iso) {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return "";
  const today = moment.toDateString() === new Date().toDateString();
  return (today ? clock : day).format(moment);
}

/** Seconds from the start of a recording or call as m:ss. */
export function position(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
