// A recording from the microphone: one press begins it, the next ends it.

import { byId, say } from "./dom.js";
import { position, t } from "./text.js";

const LONGEST_SECONDS = 600;
const REFUSALS = { NotAllowedError: "record.refused", SecurityError: "record.refused", NotFoundError: "record.none" };

/** Wire the button; `onRecorded` gets the recording as a file, `onProblem` a sentence. */
export function wireRecorder({ onRecorded, onProblem }) {
  const button = byId("record");
  let recording = null;

  button.addEventListener("click", async () => {
    if (recording) return recording.stop();
    button.disabled = true;
    try {
      recording = await begin(() => {
        recording = null;
        show(null);
      }, onRecorded);
      show(0);
    } catch (error) {
      onProblem(t(REFUSALS[error.name] || "record.failed", { detail: error.message }));
    } finally {
      button.disabled = false;
    }
    return null;
  });

  function show(seconds) {
    const isOn = seconds !== null;
    button.textContent = t(isOn ? "record.stop" : "record.start");
    button.classList.toggle("recording", isOn);
    say(byId("record-time"), isOn ? position(seconds) : "");
    if (!isOn) return;
    if (seconds >= LONGEST_SECONDS) recording?.stop();
    else setTimeout(() => recording && show(Math.floor(recording.seconds())), 250);
  }
}

async function begin(ended, onRecorded) {
  // browsers offer microphones to pages over https and of this machine only
  if (!navigator.mediaDevices || !window.MediaRecorder) throw new Error(t("record.insecure"));
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const recorder = new MediaRecorder(stream);
  const parts = [];
  const began = Date.now();
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  recorder.addEventListener("stop", () => {
    for (const track of stream.getTracks()) track.stop();
    ended();
    onRecorded(new File(parts, fileName(recorder.mimeType), { type: recorder.mimeType }));
  });
  recorder.start();
  return { stop: () => recorder.stop(), seconds: () => (Date.now() - began) / 1000 };
}

function fileName(type) {
  const end = /^audio\/(\w+)/.exec(type)?.[1] || "webm";
  const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
  return `${t("record.name")} ${time}.${end}`;
}
