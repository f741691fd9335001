// The live view narrowed to a queue, an agent, a tier; the choice is part of the address.

import { query } from "./api.js";
import { byId, el } from "./dom.js";
import { fromAddress, valuesOf } from "./parts.js";

/** Calls `changed` when somebody chooses. */
export class LiveFilters {
  constructor(changed) {
    this.form = byId("live-filters");
    this.fields = [...this.form.querySelectorAll("select")];
    const wishes = new URLSearchParams(location.search);
    for (const { name } of this.fields) this.#offer(name, wishes.has(name) ? [wishes.get(name)] : []);
    fromAddress(this.form);
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("change", () => {
      history.replaceState(null, "", location.pathname + query(valuesOf(this.form)));
      changed();
    });
  }

  /** Offer the values that calls have now, and whatever is chosen. */
  know(sessions) {
    for (const field of this.fields) {
      const values = sessions.map(({ labels }) => labels?.[field.name]).filter(Boolean);
      this.#offer(field.name, [...values, field.value].filter(Boolean));
    }
    this.form.hidden = this.fields.every((field) => field.closest("label").hidden);
  }

  matches({ labels }) {
    return this.fields.every((field) => !field.value || labels?.[field.name] === field.value);
  }

  get isNarrow() {
    return this.fields.some((field) => field.value);
  }

  #offer(name, values) {
    const field = this.form.elements[name];
    const wanted = [...new Set(values)].sort((a, b) => a.localeCompare(b));
    const offered = [...field.options].slice(1).map((option) => option.value);
    field.closest("label").hidden = !wanted.length;
    if (JSON.stringify(offered) === JSON.stringify(wanted)) return;
    const chosen = field.value;
    field.replaceChildren(field.options[0], ...wanted.map((value) => el("option", { value }, value)));
    field.value = chosen;
  }
}
