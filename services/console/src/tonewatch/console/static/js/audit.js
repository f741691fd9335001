// What has happened: sign-ins, changes of accounts and keys, and every write.

import { ask, query } from "./api.js";
import { byId, el } from "./dom.js";
import { loading } from "./loading.js";
import { when } from "./parts.js";
import { named } from "./text.js";

const PAGE = 50;

export class Audit {
  cursor = null;

  /** The next page, below what is shown. */
  load = loading(byId("audit-problem"), () => ask(`/auth/audit${query({ limit: PAGE, cursor: this.cursor })}`), ({ items, next_cursor: next }) => {
    this.cursor = next;
    byId("audit").append(...items.map(row));
    byId("audit-empty").hidden = byId("audit").children.length > 0;
    byId("audit-more").hidden = !next;
  });

  constructor() {
    byId("audit-more").addEventListener("click", () => this.load());
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
