// Signing in: a wrong password is said, a wait is counted down, and then back to where one came from.
// The button works from here on: the browser itself would send the password in an address.

import { send } from "./api.js";
import { byId, say } from "./dom.js";
import { t } from "./text.js";

const SECOND_MS = 1000;
const form = byId("sign-in");
const button = form.querySelector("button[type=submit]");
const problem = byId("sign-in-problem");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  say(problem, "");
  const { name, password } = form.elements;
  try {
    await send("/auth/sign-in", { name: name.value.trim(), password: password.value });
    location.replace(form.dataset.next);
  } catch (error) {
    if (error.status === 429) return wait(error.retryAfter || 1);
    button.disabled = false;
    say(problem, error.status === 401 ? t("door.wrong") : t("door.failed", { detail: error.message }));
    if (error.status === 401) password.select();
  }
  return null;
});

/** Too many tries: how long to wait, until the button works again. */
function wait(seconds) {
  const until = Date.now() + seconds * SECOND_MS;
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / SECOND_MS);
    button.disabled = left > 0;
    say(problem, left > 0 ? t("door.wait", { seconds: left }) : "");
    if (left > 0) setTimeout(tick, SECOND_MS / 2);
  };
  tick();
}

button.disabled = false;
