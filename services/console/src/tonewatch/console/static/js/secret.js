// A secret, shown this once.

import { byId, el } from "./dom.js";
import { button } from "./parts.js";
import { t } from "./text.js";

export function showSecret({ name, secret }) {
  showOnce(byId("secret"), t("hooks.secret_of", { name }), secret);
}

/** Show a text that nobody will see again, and what it is about, with a button that copies it. */
export function showOnce(box, about, text) {
  const code = el("code", {}, text);
  const copy = button(t("sources.copy"), async () => {
    getSelection().selectAllChildren(code); // where pages have no clipboard, people do it
    const done = navigator.clipboard ? await navigator.clipboard.writeText(text).then(() => true, () => false) : document.execCommand("copy");
    if (done) copy.textContent = t("sources.copied");
  });
  const done = button(t("hooks.secret_done"), () => {
    box.replaceChildren();
    box.hidden = true;
  });
  box.replaceChildren(
    el("p", {}, about),
    el("p", { className: "once" }, t("hooks.secret_once")),
    el("p", { className: "tools" }, code, copy, done),
  );
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}
