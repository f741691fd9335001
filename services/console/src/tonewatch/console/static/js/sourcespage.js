// The sources: how each is, what it went through, its key, and what an encoder needs.

import { sourceForm } from "./addsource.js";
import { can } from "./person.js";
import { ask, every } from "./api.js";
import { byId, say } from "./dom.js";
import { frame } from "./frame.js";
import { loading, onlyNew } from "./loading.js";
import { fill } from "./parts.js";
import { sourceItem } from "./sourceparts.js";
import { t, wallTime } from "./text.js";

const REFRESH_MS = 5_000;
const load = loading(byId("sources-problem"), () => ask("/sources"), onlyNew(show));

function show({ items }) {
  const sources = items.filter((source) => source.kind !== "upload");
  const list = byId("sources");
  const open = new Set([...list.querySelectorAll("details[open]")].map((part) => part.dataset.part));
  fill(list, sources.map((source) => sourceItem(source, load)), byId("sources-empty"));
  for (const part of list.querySelectorAll("details")) part.open = open.has(part.dataset.part);
}

/** The file that declares sources, if there is one: when it was read, and what was wrong with it. */
async function loadFile() {
  const file = await ask("/sources-file").catch((error) => {
    if (error.status === 404) clearInterval(looking); // there is none, and will be none until ingest is set up anew
    return null;
  });
  byId("sources-file").textContent = file ? t("sources.file", { file: file.path, time: wallTime(file.read_at) }) : "";
  say(byId("file-problem"), file?.error ? t("sources.file_wrong", { detail: file.error }) : "");
}

frame();
if (can("sources:write")) sourceForm(load);
every(REFRESH_MS, load);
const looking = every(3 * REFRESH_MS, loadFile);
