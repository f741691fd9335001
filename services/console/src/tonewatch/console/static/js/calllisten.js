// Listening in to a call that goes on, where the operator and its source allow it.

import { ask } from "./api.js";
import { byId, el, say } from "./dom.js";
import { button } from "./parts.js";
import { can } from "./person.js";
import { named, t } from "./text.js";

let heard = null; // the player
let offered = "";

/** Offer whom one may listen to just now; `path` is the session's address in the API. */
export async function offerListening(path, isLive) {
  if (!can("audio:listen")) return;
  const { speakers } = isLive ? await ask(`${path}/listening`).catch(() => ({ speakers: [] })) : { speakers: [] };
  if (!isLive) stop();
  // who listens must be able to stop, and who could not must be able to read why
  byId("listen-part").hidden = !speakers.length && !heard && byId("listen-problem").hidden;
  if (speakers.join() === offered) return; // whoever is about to press a button is left in peace
  offered = speakers.join();
  const choices = speakers.map((speaker) => button(t("listen.to", { speaker: named("speaker", speaker) }), () => listen(path, speaker)));
  byId("listen").replaceChildren(...choices);
}

function listen(path, speaker) {
  stop();
  const hearing = t("listen.hearing", { speaker: named("speaker", speaker) });
  const audio = el("audio", { src: `/api/v1${path}/audio?speaker=${speaker}`, "aria-label": hearing });
  heard = audio;
  audio.addEventListener("ended", stop);
  audio.addEventListener("error", () => {
    if (heard !== audio) return;
    stop();
    say(byId("listen-problem"), t("listen.failed"));
  });
  say(byId("listen-problem"), "");
  byId("listening").replaceChildren(el("span", {}, hearing), audio, button(t("listen.stop"), stop));
  audio.play().catch(() => null); // the browser says in `error` what went wrong
}

/** Close the connection, too: a player that only pauses goes on reading. */
function stop() {
  if (!heard) return;
  const audio = heard;
  heard = null;
  audio.removeAttribute("src");
  audio.load();
  byId("listening").replaceChildren();
}
