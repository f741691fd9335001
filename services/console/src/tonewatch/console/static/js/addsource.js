// The form that adds a source: each kind has its own fields, and its own things to copy afterwards.

import { send } from "./api.js";
import { byId, el, say } from "./dom.js";
import { t } from "./text.js";

const COPIED_MS = 2000;
const RATE_HZ = 16_000;

/** Bring the form to life; `onAdded` is called after each try. */
export function sourceForm(onAdded) {
  const form = byId("add-source");
  const button = form.querySelector("button[type=submit]");
  form.addEventListener("change", () => showFields(form));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true; // or a second press would add a second source
    try {
      showAdded(await send("/sources", wishOf(form.elements)));
      form.reset();
      showFields(form);
      say(byId("add-problem"), "");
    } catch (error) {
      // beside the answer to the last wish: its key may not be copied yet
      say(byId("add-problem"), error.message);
    }
    button.disabled = false;
    onAdded();
  });
  showFields(form);
}

/** Show the fields of the chosen kind; a hidden one is disabled, so that it is neither asked for nor sent. */
function showFields(form) {
  const { kind, channels } = form.elements;
  for (const part of form.querySelectorAll("[data-kinds]")) {
    const isOfKind = part.dataset.kinds.split(" ").includes(kind.value);
    const isOfLayout = !("split" in part.dataset) || channels.value !== "mixed";
    part.hidden = !(isOfKind && isOfLayout);
    for (const field of part.querySelectorAll("input, select")) field.disabled = part.hidden;
  }
}

function wishOf(fields) {
  const valueOf = (field) => (field.disabled ? "" : field.value.trim());
  const wish = { name: valueOf(fields.name), kind: fields.kind.value, labels: labelsOf(valueOf(fields.labels)) };
  if (valueOf(fields.url)) wish.url = valueOf(fields.url);
  if (valueOf(fields.channels)) wish.channels = valueOf(fields.channels);
  if (valueOf(fields.unmonitored)) wish.policy = { [valueOf(fields.unmonitored)]: "off" };
  const permitted = valueOf(fields.permitted).split(/[\s,，、]+/).filter(Boolean);
  if (permitted.length) wish.permitted_labels = permitted;
  return wish;
}

function labelsOf(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const [name, ...rest] = line.split("=");
    if (!name.trim() || !rest.length) throw new Error(t("sources.labels_wrong", { line }));
    return [name.trim(), rest.join("=").trim()];
  }));
}

function showAdded(source) {
  const rows = source.stream_key ? copiesOf(source) : [];
  const list = el("dl", { className: "copies" }, ...rows.flatMap(([what, text]) => copyRow(what, text)));
  const once = rows.length ? [el("p", { className: "once" }, t("sources.once")), list] : [];
  byId("add-answer").replaceChildren(el("p", {}, t("sources.saved", { name: source.name })), ...once);
  byId("add-answer").scrollIntoView({ block: "nearest" });
}

/** What somebody has to put into the encoder, the program or the PBX: names and texts. */
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
  const parts = [[t("sources.key"), key], [t("sources.whole"), whole]];
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
