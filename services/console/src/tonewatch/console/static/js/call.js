// One call as a whole: both speakers in step, alerts, gaps, stretches of one emotion, downloads.

import { ask, every } from "./api.js";
import { offerListening } from "./calllisten.js";
import { CallTracks } from "./calltracks.js";
import { alertItem, downloads, gapItem, segmentRow, sessionFacts } from "./callparts.js";
import { byId, el, emotionMark, labelChips, say } from "./dom.js";
import { frame } from "./frame.js";
import { fill } from "./parts.js";
import { stretches } from "./stretches.js";
import { EMOTIONS, emotionName, named, position, t } from "./text.js";

const POINTS = 600; // columns of about two pixels
const LIVE_MS = 4000;
const id = decodeURIComponent(location.pathname.split("/")[2]);
const path = `/sessions/${encodeURIComponent(id)}`;
const tracks = new CallTracks(byId("tracks"), goTo);

let session = null;
let segments = [];

async function load() {
  try {
    const [known, timeline] = await Promise.all([ask(path), ask(`${path}/timeline?points=${POINTS}`)]);
    session = known;
    describe(session);
    tracks.show(session, timeline);
    byId("call-empty").hidden = timeline.items.length > 0;
    fill(byId("call-alerts"), timeline.alerts.map((alert) => alertItem(alert, session, goTo)), byId("call-alerts-empty"));
    fill(byId("gaps"), timeline.gaps.map((gap) => gapItem(gap, goTo)));
    byId("gaps-part").hidden = !timeline.gaps.length;
    byId("call").hidden = false;
    say(byId("call-problem"), "");
    await Promise.all([loadSegments(), offerListening(path, session.state !== "ended")]);
  } catch (error) {
    say(byId("call-problem"), error.status === 404 ? t("call.unknown", { id }) : t("part.away", { detail: error.message }));
  }
}

async function loadSegments() {
  let found = [];
  try {
    found = await stretches(id);
    say(byId("call-segments-problem"), "");
  } catch (error) {
    say(byId("call-segments-problem"), t("part.away", { detail: error.message }));
  }
  segments = found.sort((a, b) => a.start_seconds - b.start_seconds || a.speaker.localeCompare(b.speaker));
  fill(byId("segments"), segments.map((segment) => segmentRow(segment, goTo)), byId("segments-empty"));
  byId("segments-part").hidden = !segments.length;
}

function describe({ name, state, labels }) {
  byId("call-name").textContent = name || id;
  document.title = `${name || id} · Tonewatch`;
  byId("call-state").textContent = named("session", state);
  byId("call-labels").replaceChildren(...labelChips(labels, (label) => named("label", label)));
  byId("call-facts").replaceChildren(sessionFacts(session));
  byId("downloads").replaceChildren(...downloads(id));
}

/** Put the line through all tracks at a second, and show what was heard there. */
function goTo(seconds) {
  tracks.mark(seconds);
  history.replaceState(null, "", `#t=${Math.floor(seconds)}`);
  const heard = segments.map((each, index) => [each, index]).filter(([each]) => each.start_seconds <= seconds && seconds < each.end_seconds);
  const rows = [...byId("segments").children];
  rows.forEach((row, index) => row.classList.toggle("at", heard.some(([, at]) => at === index)));
  const words = heard.map(([each]) => `${named("speaker", each.speaker)} ${emotionName(each.emotion)}`);
  byId("call-position").textContent = [position(seconds), ...words].join(" · ");
  rows[heard[0]?.[1]]?.scrollIntoView({ block: "nearest" });
}

function legend() {
  byId("legend").replaceChildren(...EMOTIONS.map((emotion) => el("li", {}, emotionMark(emotion, emotionName(emotion)))));
}

frame();
legend();
await load();
const linked = /^#t=(\d+)$/.exec(location.hash);
if (linked) goTo(Number(linked[1]));
every(LIVE_MS, () => (session && session.state !== "ended" ? load() : null));
