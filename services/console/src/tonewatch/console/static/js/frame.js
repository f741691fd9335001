// What every page but the live one does: the strip of services, the time zone.

import { every } from "./api.js";
import { byId } from "./dom.js";
import { health } from "./health.js";
import { me } from "./person.js";
import { t } from "./text.js";

export function frame() {
  every(5_000, health);
  const zone = byId("zone");
  if (zone) zone.textContent = t("page.zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
}

/** Who does it, as services write it down. */
export const person = () => me.name;
