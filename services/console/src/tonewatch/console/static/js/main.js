// Brings the page to life: each part looks after itself, so one that fails leaves the others alone.

import { sourceForm } from "./addsource.js";
import * as alerts from "./alerts.js";
import { every } from "./api.js";
import { LiveStream } from "./events.js";
import { health } from "./health.js";
import * as live from "./live.js";
import { can } from "./person.js";
import * as system from "./system.js";
import { wireNotify } from "./notify.js";
import { tryIt } from "./tryit.js";
import * as tried from "./tryresult.js";

if (can("audio:write")) tryIt();
wireNotify();
live.legend();
if (can("sources:write")) sourceForm(system.sources);

const stream = new LiveStream({
  snapshot: (board) => {
    live.snapshot(board);
    alerts.snapshot(board);
  },
  score: live.onScore,
  gap: live.onGap,
  session: live.onSession,
  alert: (alert) => {
    live.onAlert(alert);
    alerts.onAlert(alert);
    tried.onAlert(alert);
  },
});
stream.start();
alerts.loadPast();

every(5_000, health);
if (can("sources:read")) every(10_000, system.sources);
if (can("rules:read")) every(15_000, system.rules);
