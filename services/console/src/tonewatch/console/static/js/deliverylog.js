// The log of deliveries, with filters, and what failed since a time once more.

import { ask, query, send } from "./api.js";
import { deliveryRow } from "./deliveries.js";
import { byId, el } from "./dom.js";
import { loading, onlyNew } from "./loading.js";
import { doing, fill, valuesOf } from "./parts.js";
import { t } from "./text.js";

const PAGE = 50;
const MOST = 500;

export class DeliveryLog {
  constructor() {
    this.filters = byId("log-filters");
    this.wanted = PAGE;
    const show = onlyNew((items) => this.#show(items)); // what somebody has opened stays open
    this.load = loading(byId("log-problem"), () => this.#ask(), ({ items, next_cursor: more }) => {
      byId("log-more").hidden = !more || this.wanted >= MOST;
      show(items);
    });
    this.filters.addEventListener("change", () => this.#fromStart());
    this.filters.addEventListener("submit", (event) => event.preventDefault());
    byId("log-more").addEventListener("click", () => {
      this.wanted = Math.min(MOST, this.wanted + PAGE);
      this.load();
    });
    byId("recover").addEventListener("submit", (event) => this.#recover(event));
  }

  nameReceivers(pairs) {
    const { receiver } = this.filters.elements;
    const chosen = receiver.value;
    receiver.replaceChildren(receiver.options[0], ...pairs.map(([value, name]) => el("option", { value }, name)));
    receiver.value = chosen;
  }

  #ask() {
    return ask(`/deliveries${query({ ...valuesOf(this.filters), limit: this.wanted })}`);
  }

  #show(items) {
    const open = new Set([...byId("log").querySelectorAll("li:has(details[open])")].map((row) => row.dataset.delivery));
    fill(byId("log"), items.map((item) => deliveryRow(item, () => this.load())), byId("log-empty"));
    for (const row of byId("log").children) if (open.has(row.dataset.delivery)) row.querySelector("details").open = true;
  }

  #fromStart() {
    this.wanted = PAGE;
    this.load();
  }

  async #recover(event) {
    event.preventDefault();
    const form = event.target;
    const since = new Date(form.elements.since.value).toISOString();
    const { receiver } = valuesOf(this.filters);
    const wish = receiver ? { since, receiver } : { since };
    const answer = await doing(form.querySelector("button"), byId("log-problem"), () => send("/deliveries/recover", wish));
    if (!answer) return;
    byId("recover-answer").textContent = t("delivery.recovered", { count: answer.deliveries });
    await this.load();
  }
}
