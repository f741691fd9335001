// What has happened: sign-ins, changes of accounts and keys, and every write.

import { ask, query } from "./api.js";
import { byId, el, say } from "./dom.js";
import { when } from "./parts.js";
import { named, t } from "./text.js";

const PAGE = 50;

export class Audit {
  constructor() {
    this.cursor = null;
    byId("audit-more").addEventListener("click", () => this.load());
  }

  /** The next page, below what is shown. */
  async load() {
    try {
      const { items, next_cursor: next } = await ask(`/auth/audit${query({ limit: PAGE, cursor: this.cursor })}`);
      this.cursor = next;
      byId("audit").append(...items.map(row));
      byId("audit-empty").hidden = byId("audit").children.length > 0;
      byId("audit-more").hidden = !next;
      say(byId("audit-problem"), "");
    } catch (error) {
      say(byId("audit-problem"), t("part.away", { detail: error.message }));
    }
  }
}

function row({ at, who, action, subject, status, address }) {
  const about = [subject, status].filter(Boolean).join(" → ");
  return el(
    "tr",
    {},
    el("td", {}, when(at)),
    el("td", {}, who || "–"),
    el("td", {}, named("deed", action.replace(/[.-]/g, "_")), about ? el("span", { className: "muted" }, ` ${about}`) : null),
    el("td", {}, address),
  );
}
