// Who is signed in, what this person may do, and what happens when the session ends.

import { byId, el } from "./dom.js";
import { t } from "./text.js";

/** Name, role, permissions, via; null on the pages that nobody has to sign in for. */
export const me = JSON.parse(byId("person").textContent);

/** Whether the person may do something; the API refuses it anyway. */
export const can = (permission) => Boolean(me?.permissions.includes(permission));

/** Where to sign in so that one comes back to this page. */
export function signInAddress() {
  const here = location.pathname + location.search;
  return `/sign-in?next=${encodeURIComponent(here)}`;
}

let isOut = false;

/** The session has ended: say so, and leave all that was typed where it is. */
export function signedOut() {
  const bar = byId("signed-out");
  if (!bar || isOut) return;
  isOut = true;
  const link = el("a", { href: signInAddress(), target: "_blank" }, t("door.sign_in_again"));
  bar.replaceChildren(`${t("door.ended")} `, link, ` ${t("door.ended_hint")}`);
  bar.hidden = false;
}

/** Somebody may have signed in in another tab; if it is somebody else, this page is not theirs. */
async function lookAgain() {
  if (!isOut || document.hidden) return;
  const response = await fetch("/api/v1/auth/me", { cache: "no-store" }).catch(() => null);
  if (!response?.ok) return;
  const { name, role } = await response.json();
  const bar = byId("signed-out");
  if (name === me.name && role === me.role) {
    isOut = false;
    bar.hidden = true;
    return;
  }
  bar.replaceChildren(`${t("door.other", { name })} `, el("a", { href: location.href }, t("door.reload")));
}

async function signOut(event) {
  event.target.disabled = true;
  const response = await fetch("/api/v1/auth/sign-out", { method: "POST" }).catch(() => null);
  // whoever has no session any more is out as well
  if (response?.ok || response?.status === 401) location.assign("/sign-in");
  else event.target.disabled = false;
}

if (me) {
  document.addEventListener("visibilitychange", lookAgain);
  addEventListener("focus", lookAgain);
  byId("sign-out")?.addEventListener("click", signOut);
}
