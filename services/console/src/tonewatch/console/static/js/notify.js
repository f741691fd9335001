// Optional signs of a new alert beside the page itself: a sound, a notification of the system.
// Both are off until somebody asks for them, and remembered in this browser.

import { byId, say } from "./dom.js";
import { emotionName, named, t } from "./text.js";

const KEYS = { sound: "tonewatch.sound", notices: "tonewatch.notifications" };
const TAB = { since: "tonewatch.following_since", announced: "tonewatch.announced" };
const REMEMBERED = 200;
const QUIET_MS = 2000; // many alerts at once are one sound
const FRESH_MS = 300_000;

// kept with the tab: what fires while it goes from one page to the next is told by the next one
sessionStorage[TAB.since] ??= Date.now();
const announced = new Set(JSON.parse(sessionStorage[TAB.announced] ?? "[]"));
let audio = null;
let soundedAt = 0;

const isOn = (key) => localStorage.getItem(key) === "on";
const remember = (key, on) => localStorage.setItem(key, on ? "on" : "off");
const mayNotify = () => window.Notification?.permission === "granted";

/** Wire the two boxes in the head of the list of alerts. */
export function wireNotify() {
  const sound = byId("notify-sound");
  const notices = byId("notify-system");
  sound.checked = isOn(KEYS.sound);
  sound.addEventListener("change", () => {
    remember(KEYS.sound, sound.checked);
    if (sound.checked) beep(); // so that it is known how it sounds, and the browser lets it sound later
  });
  notices.checked = isOn(KEYS.notices) && mayNotify();
  notices.addEventListener("change", async () => {
    if (notices.checked) notices.checked = await permitted();
    remember(KEYS.notices, notices.checked);
  });
}

/** Whether the browser lets us; what keeps it from it is said. */
async function permitted() {
  const problem = byId("notify-problem");
  // like a microphone, only for pages over https and of this machine
  if (!window.Notification || !window.isSecureContext) {
    say(problem, t("notify.insecure"));
    return false;
  }
  const is = (await Notification.requestPermission()) === "granted";
  say(problem, is ? "" : t("notify.refused"));
  return is;
}

const decidedAt = (alert) => Date.parse(alert.decided_at || alert.at);

/** An alert that has just fired and of which nobody was told in this tab. */
export const isNews = (alert) =>
  alert.state === "firing" && Date.now() - decidedAt(alert) < FRESH_MS && !announced.has(alert.alert_id);

/** Of what a page finds when it begins, oldest first: the news since this tab follows. */
export const missed = (alerts) => alerts.filter((each) => isNews(each) && decidedAt(each) > sessionStorage[TAB.since]).reverse();

/** Tell of an alert that has just fired, once, whatever the stream repeats. */
export function announce(alert, call) {
  if (!isNews(alert)) return;
  announced.add(alert.alert_id);
  sessionStorage[TAB.announced] = JSON.stringify([...announced].slice(-REMEMBERED));
  if (isOn(KEYS.sound)) beep();
  if (isOn(KEYS.notices) && mayNotify()) notice(alert, call);
}

function notice(alert, call) {
  const emotions = (alert.emotions || []).map(emotionName).join(" + ");
  const title = `${named("priority", alert.priority)} · ${alert.rule}`;
  const body = [call || alert.session_id, named("speaker", alert.speaker), emotions].filter(Boolean).join(" · ");
  // the same tag in every open page: one alert is one notification
  const shown = new Notification(title, { body, tag: alert.alert_id, icon: "/static/mark.svg", lang: document.documentElement.lang });
  shown.onclick = () => {
    window.focus();
    location.assign(`/alerts?open=${encodeURIComponent(alert.alert_id)}`);
  };
}

/** Two short tones, made here: no file, and not too loud. */
function beep() {
  if (Date.now() - soundedAt < QUIET_MS) return;
  soundedAt = Date.now();
  audio ??= new AudioContext();
  audio.resume();
  for (const [delay, pitch] of [[0, 660], [0.18, 880]]) {
    const [tone, volume] = [audio.createOscillator(), audio.createGain()];
    const begin = audio.currentTime + delay;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.12, begin);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.16);
    tone.connect(volume).connect(audio.destination);
    tone.start(begin);
    tone.stop(begin + 0.17);
  }
}
