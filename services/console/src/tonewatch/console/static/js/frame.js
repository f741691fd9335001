// What every page but the live one does: the strip of services, the viewer's name, the time zone.

import { every } from "./api.js";
import { byId } from "./dom.js";
import { health } from "./health.js";
import { t } from "./text.js";

const NAME = "tonewatch.name";

export function frame() {
  every(5_000, health);
  const zone = byId("zone");
  if (zone) zone.textContent = t("page.zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
  const field = byId("who");
  if (!field) return;
  field.value = localStorage.getItem(NAME) || "";
  field.addEventListener("change", () => localStorage.setItem(NAME, field.value.trim()));
}

/** Who does it; there is no sign-in yet, so people say their name once. */
export function person() {
  const field = byId("who");
  const name = field.value.trim();
  if (name) return name;
  field.focus();
  throw new Error(t("who.missing"));
}
