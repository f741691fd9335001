// Small parts that several pages are made of.

import { el, say } from "./dom.js";
import { named, t, wallTime } from "./text.js";

/** A moment in the viewer's zone. */
export function when(iso) {
  return iso ? el("time", { datetime: iso, title: iso }, wallTime(iso)) : null;
}

export function badge(prefix, value, className = value) {
  return el("span", { className: `badge ${className}` }, named(prefix, value));
}

/** Facts as a list of names and values; those without a value are left out. */
export function facts(pairs) {
  const given = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("dl", { className: "facts" }, ...given.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

/** Do something once, whatever is pressed meanwhile; what goes wrong is said where `problem` is. */
export async function doing(button, problem, task) {
  button.disabled = true;
  try {
    say(problem, "");
    return await task();
  } catch (error) {
    say(problem, error.message);
    return null;
  } finally {
    button.disabled = false;
  }
}

export function button(text, onclick, properties = {}) {
  return el("button", { type: "button", onclick, ...properties }, text);
}

/** A button that has to be pressed twice, for what cannot be undone. */
export function sureButton(text, onclick, properties = {}) {
  const made = button(text, () => {
    if (made.textContent === t("part.sure")) return onclick(made);
    made.textContent = t("part.sure");
    setTimeout(() => (made.textContent = text), 4000);
    return null;
  }, properties);
  return made;
}

/** Show a list, or a sentence if it is empty; the focus stays where it was. */
export function fill(list, rows, empty) {
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  list.replaceChildren(...rows);
  if (focused) [...list.querySelectorAll("[data-key]")].find((each) => each.dataset.key === focused)?.focus();
  if (empty) empty.hidden = rows.length > 0;
}

/** The fields of a form as a plain object, spaces around texts removed. */
export function valuesOf(form) {
  const fields = [...form.elements].filter((field) => field.name && !field.disabled);
  return Object.fromEntries(fields.map((field) => [field.name, field.type === "checkbox" ? field.checked : field.value.trim()]));
}

/** Fill a form from the address, so that a page can be linked to, and come back to. */
export function fromAddress(form) {
  for (const [name, value] of new URLSearchParams(location.search)) {
    const field = form.elements[name];
    if (!field) continue;
    if (field.type === "checkbox") field.checked = value === "true";
    else field.value = value;
  }
}
