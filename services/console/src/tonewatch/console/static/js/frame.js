// What every page but the live one does: the strip of services, alerts that pop up, the time zone.

import { every } from "./api.js";
import { byId } from "./dom.js";
import { health } from "./health.js";
import { can, me } from "./person.js";
import { popUps } from "./popups.js";
import { t } from "./text.js";

export function frame({ hasOwnStream = false } = {}) {
  every(5_000, health);
  if (!hasOwnStream && can("live:read")) popUps();
  const zone = byId("zone");
  if (zone) zone.textContent = t("page.zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
}

/** Who does it, as services write it down. */
export const person = () => me.name;
