// The form beside the YAML of a rule. Each of its fields is one key of the text: what somebody
// changes here is changed there, and the other way round. What it cannot show stays in the text.

import { byId, say } from "./dom.js";
import { t } from "./text.js";
import { RuleText } from "./yaml.js";

const CONDITIONS = ["emotion", "combination", "sequence", "change", "no_data"];
const FIRST_SUM = 0.8;

const texts = {
  show: (value) => (typeof value === "string" ? value : null),
  take: (text) => text.trim() || null,
};
const numbers = {
  show: (value) => (typeof value === "number" ? String(value) : null),
  take: (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? null : Number(text)),
};
const lists = (splits, joins) => ({
  show: (value) => ([value].flat().every((each) => typeof each === "string") ? [value].flat().join(joins) : null),
  take: (text) => nonEmpty(text.split(splits).map((each) => each.trim()).filter(Boolean)),
});

const nonEmpty = (items) => (items.length ? items : null);

/** Which key each field of the form is about, and how it is shown and taken. */
const FIELDS = {
  name: [["name"], texts],
  threshold: [["threshold"], numbers],
  min_sum: [["combination", "min_sum"], numbers],
  duration_sec: [["duration_sec"], numbers],
  speaker: [["speaker"], texts],
  match: [["match"], lists("\n", "\n")], // a matcher may hold commas
  priority: [["priority"], texts],
  cooldown_sec: [["cooldown_sec"], numbers],
  channels: [["channels"], lists(/[,，]/, ", ")],
  message: [["message"], texts],
};

export class RuleForm {
  /** `wrote` gets the text as it is after a change in the form. */
  constructor(form, { wrote }) {
    this.form = form;
    this.wrote = wrote;
    this.text = "";
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => this.#take(event.target));
  }

  /** Show what a text says; the field that somebody writes in is left alone. */
  show(text) {
    this.text = text;
    const rule = this.#parse();
    byId("form-fields").disabled = !rule;
    say(byId("form-note"), rule ? "" : t("form.unreadable"));
    if (!rule) return;
    this.#showCondition(rule);
    for (const [name, [path, kind]] of Object.entries(FIELDS)) {
      const value = rule.read(path);
      this.#fill(this.form.elements[name], value === undefined ? "" : kind.show(value));
    }
  }

  #parse() {
    try {
      return new RuleText(this.text);
    } catch {
      return null;
    }
  }

  #fill(field, text) {
    const isShown = text !== null && (field.tagName !== "SELECT" || [...field.options].some((option) => option.value === text));
    field.disabled = !isShown;
    field.title = isShown ? "" : t("form.elsewhere");
    if (field !== document.activeElement) field.value = isShown ? text : "";
  }

  #showCondition(rule) {
    const kind = CONDITIONS.find((key) => rule.has(key)) || "emotion";
    const isPlain = kind === "emotion" || kind === "combination";
    const { condition } = this.form.elements;
    condition.querySelector("[value=other]").hidden = isPlain;
    condition.value = isPlain ? kind : "other";
    say(byId("form-other"), isPlain ? "" : t("form.elsewhere"));
    for (const part of this.form.querySelectorAll("[data-condition]")) part.hidden = !part.dataset.condition.split(" ").includes(condition.value);
    const chosen = [rule.read(emotionPath(kind)) ?? []].flat();
    for (const box of this.#boxes()) box.checked = chosen.includes(box.value);
  }

  #boxes() {
    return this.form.querySelectorAll("[name=emotion]");
  }

  #take(field) {
    const rule = this.#parse();
    if (!rule) return;
    if (field.name === "condition") this.#changeCondition(rule, field.value);
    else if (field.name === "emotion") rule.write(emotionPath(this.form.elements.condition.value), this.#chosen());
    else {
      const [path, kind] = FIELDS[field.name];
      rule.write(path, kind.take(field.value));
    }
    this.text = rule.toString();
    this.wrote(this.text);
    if (field.name === "condition") this.show(this.text);
  }

  /** The emotions as a rule has them: one alone, or a list. */
  #chosen() {
    const chosen = [...this.#boxes()].filter((box) => box.checked).map((box) => box.value);
    const isAlone = chosen.length === 1 && this.form.elements.condition.value === "emotion";
    return isAlone ? chosen[0] : nonEmpty(chosen);
  }

  #changeCondition(rule, kind) {
    const emotions = this.#chosen();
    const limit = rule.read(["threshold"]) ?? rule.read(["combination", "min_sum"]) ?? FIRST_SUM;
    for (const key of [...CONDITIONS, "threshold"]) rule.write([key], null);
    if (kind === "combination") {
      rule.write(["combination"], { emotions: [emotions ?? []].flat(), min_sum: limit });
      return;
    }
    rule.write(["emotion"], emotions);
    rule.write(["threshold"], limit);
  }
}

const emotionPath = (kind) => (kind === "combination" ? ["combination", "emotions"] : ["emotion"]);
