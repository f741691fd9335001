// What somebody puts into an encoder, a program or a PBX, each thing with a button that copies it.

import { el } from "./dom.js";
import { t } from "./text.js";

const COPIED_MS = 2000;
const RATE_HZ = 16_000;

/** A list of all that a source with a key needs; without a source to push to, nothing. */
export function copyList(source) {
  return el("dl", { className: "copies" }, ...copiesOf(source).flatMap(([what, text]) => copyRow(what, text)));
}

/** A source as if it had this key, to show where a key goes without knowing it. */
export function withKey(source, key) {
  const separator = source.kind === "websocket" ? "?key=" : "/";
  return { ...source, stream_key: key, publish_url: `${source.url}${separator}${key}` };
}

function copiesOf(source) {
  const { kind, url, publish_url: whole, stream_key: key } = source;
  if (kind === "websocket") {
    const channels = source.channels === "mixed" ? 1 : 2;
    const at = (path) => url.replace(/pcm$/, path);
    return [
      [t("sources.socket"), whole],
      [t("sources.hello"), JSON.stringify({ type: "hello", rate_hz: RATE_HZ, channels })],
      [t("sources.twilio"), at("twilio")],
      [t("sources.parameter"), key],
      [t("sources.freeswitch"), `${at("freeswitch")}?key=${key}&rate=${RATE_HZ}&channels=${channels}`],
    ];
  }
  if (kind === "audiosocket") {
    const address = url.replace("audiosocket://", "");
    return [
      [t("sources.uuid"), key],
      [t("sources.address"), address],
      [t("sources.dialplan"), `AudioSocket(${key},${address})`],
    ];
  }
  const parts = [[t("sources.key"), key], [t("sources.whole"), whole], [t("sources.ffmpeg"), `ffmpeg -re -i INPUT -vn -c:a aac -f flv ${whole}`]];
  return url ? [[t("sources.server"), url], ...parts] : parts;
}

function copyRow(what, text) {
  const code = el("code", {}, text);
  const button = el("button", { type: "button", "aria-label": t("sources.copy_what", { what }) }, t("sources.copy"));
  button.addEventListener("click", async () => {
    if (!(await copy(code))) return;
    button.textContent = t("sources.copied");
    setTimeout(() => (button.textContent = t("sources.copy")), COPIED_MS);
  });
  return [el("dt", {}, what), el("dd", {}, code, button)];
}

/** Whether the text of an element was copied; it stays selected, so that a person can do it where we may not. */
async function copy(element) {
  getSelection().selectAllChildren(element);
  // there is no clipboard for pages that come by plain HTTP from another machine
  if (!navigator.clipboard) return document.execCommand("copy");
  return navigator.clipboard.writeText(element.textContent).then(() => true, () => false);
}
