// The buttons and small forms beside an alert.

import * as acts from "./alertacts.js";
import { el } from "./dom.js";
import { doing } from "./parts.js";
import { can } from "./person.js";
import { named, t } from "./text.js";

const VERDICTS = ["right", "false_alarm", "needs_coaching"];

/** Elements to do something with an alert; `changed` is called after each act. */
export function actForms(alert, changed) {
  if (!can("alerts:act")) return [];
  const problem = el("p", { className: "problem", role: "alert", hidden: true });
  const form = (text, fields, act) => actForm(text, fields, { problem, act, changed });
  return [
    problem,
    el(
      "div",
      { className: "acts" },
      alert.acknowledged ? null : form(t("inbox.acknowledge"), [], () => acts.acknowledge(alert.alert_id)),
      form(t("inbox.assign"), [field("to", t("inbox.assign_to"), { value: alert.assigned_to })], ({ to }) => acts.assign(alert, to)),
      form(t("inbox.comment"), [field("text", t("inbox.comment_text"), { required: true, maxlength: 2000 })], ({ text }) => acts.comment(alert, text)),
      form(t("inbox.close"), closing(alert), ({ verdict, comment }) => acts.close(alert, verdict, comment)),
      can("silences:write") ? silencing(alert, form) : null,
    ),
  ];
}

function actForm(text, fields, { problem, act, changed }) {
  const button = el("button", { type: "submit" }, text);
  const form = el("form", { className: "act" }, ...fields, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form));
    const said = await doing(button, problem, () => actOrConflict(act, values));
    if (said !== null) await changed(said);
  });
  return form;
}

/** What is to be said of it: nothing, if it simply went through. */
async function actOrConflict(act, values) {
  try {
    const answer = await act(values);
    return typeof answer === "string" ? answer : "";
  } catch (error) {
    if (error instanceof acts.ConflictError) return error.message;
    throw error;
  }
}

function field(name, label, properties = {}) {
  return el("label", {}, label, " ", el("input", { name, maxlength: 128, autocomplete: "off", ...properties }));
}

function select(name, label, options) {
  return el("label", {}, label, " ", el("select", { name }, ...options.map(([value, text]) => el("option", { value }, text))));
}

function closing(alert) {
  const verdicts = select("verdict", t("inbox.verdict"), VERDICTS.map((each) => [each, named("verdict", each)]));
  if (alert.verdict) verdicts.querySelector("select").value = alert.verdict;
  return [verdicts, field("comment", t("inbox.comment_text"), { maxlength: 2000 })];
}

function silencing(alert, form) {
  const scopes = acts.scopesOf(alert);
  const choice = select("scope", t("silence.what"), scopes.map(([text], index) => [index, text]));
  return form(t("silence.hour"), [choice], ({ scope }) => acts.silence(scopes[scope][1]));
}
