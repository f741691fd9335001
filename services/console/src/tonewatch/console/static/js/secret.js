// A secret, shown this once.

import { byId, el } from "./dom.js";
import { button } from "./parts.js";
import { t } from "./text.js";

export function showSecret({ name, secret }) {
  const box = byId("secret");
  const code = el("code", {}, secret);
  const copy = button(t("sources.copy"), async () => {
    getSelection().selectAllChildren(code); // where pages have no clipboard, people do it
    const done = navigator.clipboard ? await navigator.clipboard.writeText(secret).then(() => true, () => false) : document.execCommand("copy");
    if (done) copy.textContent = t("sources.copied");
  });
  const done = button(t("hooks.secret_done"), () => {
    box.replaceChildren();
    box.hidden = true;
  });
  box.replaceChildren(
    el("p", {}, t("hooks.secret_of", { name })),
    el("p", { className: "once" }, t("hooks.secret_once")),
    el("p", { className: "tools" }, code, copy, done),
  );
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}
