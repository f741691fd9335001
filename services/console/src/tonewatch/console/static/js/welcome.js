// A one-time link: its token stands behind the # and so in no log; a password is chosen with it.

import { send } from "./api.js";
import { byId, say } from "./dom.js";
import { t } from "./text.js";

const form = byId("welcome");
const { name, password, again } = form.elements;
const button = form.querySelector("button[type=submit]");
const problem = byId("welcome-problem");
const token = location.hash.slice(1);

async function open() {
  if (!token) return refuse(t("welcome.no_link"));
  history.replaceState(null, "", location.pathname + location.search); // nobody reads it over a shoulder
  for (const link of document.querySelectorAll(".languages a")) link.hash = token;
  try {
    show(await send("/auth/link", { token }));
  } catch (error) {
    refuse(error.status === 404 ? t("welcome.spent") : t("door.failed", { detail: error.message }));
  }
  return null;
}

/** The first admin chooses a name; everybody else has one. */
function show({ name: given }) {
  byId("welcome-text").textContent = t(given ? "welcome.again" : "welcome.first");
  name.value = given ?? "";
  name.readOnly = Boolean(given);
  form.hidden = false;
  (given ? password : name).focus();
}

function refuse(text) {
  form.hidden = true;
  say(byId("welcome-none"), text);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (password.value !== again.value) {
    say(problem, t("door.not_alike"));
    again.select();
    return;
  }
  button.disabled = true;
  say(problem, "");
  try {
    await send("/auth/welcome", { token, password: password.value, ...(name.readOnly ? {} : { name: name.value.trim() }) });
    location.replace("/");
  } catch (error) {
    button.disabled = false;
    if (error.status === 404) refuse(t("welcome.spent"));
    else say(problem, t("door.failed", { detail: error.message }));
  }
});

open();
