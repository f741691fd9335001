// The editor: YAML, judged while it is written by the service that will run it.

import { ApiError, ask, send, turns } from "./api.js";
import { byId, el, say } from "./dom.js";
import { person } from "./frame.js";
import { doing, fill } from "./parts.js";
import { backtest } from "./backtest.js";
import { leaner } from "./ruledefaults.js";
import { RuleForm } from "./ruleform.js";
import { problemItem, rulePath } from "./ruleparts.js";
import { conditionText } from "./ruletext.js";
import { t } from "./text.js";
import { yaml } from "./yaml.js";

const PAUSE_MS = 300;
const START = { name: t("rules.new_name"), emotion: "angry", threshold: 0.75, duration_sec: 2, priority: "high" };

export class RuleEditor {
  /** `saved` is called when a rule was written. */
  constructor({ saved }) {
    this.saved = saved;
    this.base = null; // the rule that is changed; null: a new one
    this.rule = null; // what the text says, if it is right
    this.turn = turns();
    this.form = new RuleForm(byId("rule-form"), { wrote: (text) => this.#written(text) });
    byId("editor-text").addEventListener("input", () => {
      this.form.show(byId("editor-text").value);
      this.#soon();
    });
    byId("editor-save").addEventListener("click", () => this.#save());
    byId("editor-cancel").addEventListener("click", () => (byId("editor").hidden = true));
  }

  create(rule = START) {
    this.#open(null, rule, t("rules.new"));
  }

  change(item) {
    this.#open(item, item.rule, t("rules.change_of", { name: item.name, version: item.version }));
  }

  #open(base, rule, title) {
    this.base = base;
    nameChannels();
    byId("editor").hidden = false;
    byId("editor-title").textContent = title;
    byId("editor-comment").value = "";
    byId("editor-text").value = `${yaml(rule)}\n`;
    this.form.show(byId("editor-text").value);
    byId("editor-backtest").replaceChildren(backtest(() => this.rule && { rule: this.rule }));
    say(byId("editor-problem"), "");
    byId("editor-text").focus();
    byId("editor").scrollIntoView({ block: "start" });
    this.#judge();
  }

  /** What the form makes of the text. */
  #written(text) {
    byId("editor-text").value = text;
    this.#soon();
  }

  #soon() {
    this.turn(); // a verdict that is on its way is about another text
    this.rule = null;
    byId("editor-save").disabled = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#judge(), PAUSE_MS);
  }

  async #judge() {
    const isNewest = this.turn();
    const headers = { Accept: "application/json", "Content-Type": "application/yaml" };
    try {
      const answer = await ask("/rules/validate", { method: "POST", headers, body: byId("editor-text").value });
      if (isNewest()) this.#show(answer);
    } catch (error) {
      if (isNewest()) this.#say(false, t("part.away", { detail: error.message }));
    }
  }

  #show({ valid, rules, problems }) {
    this.rule = valid && rules.length === 1 ? leaner(rules[0]) : null;
    const text = valid && rules.length !== 1 ? t("rules.only_one") : t(valid ? "rules.valid" : "rules.invalid");
    this.#say(Boolean(this.rule), text);
    byId("editor-words").textContent = this.rule ? conditionText(this.rule) : "";
    fill(byId("editor-problems"), problems.map(problemItem));
  }

  #say(isGood, text) {
    const verdict = byId("editor-verdict");
    verdict.className = isGood ? "good" : "problem";
    verdict.replaceChildren(el("b", { "aria-hidden": "true" }, isGood ? "✓ " : "✗ "), text);
    byId("editor-save").disabled = !isGood;
  }

  async #save() {
    const { base, rule } = this;
    const done = await doing(byId("editor-save"), byId("editor-problem"), async () => {
      const change = { by: person(), comment: byId("editor-comment").value.trim(), rule };
      try {
        if (base) return await send(rulePath(base.name), change, { method: "PUT", version: base.version });
        return await send("/rules", change);
      } catch (error) {
        throw meanwhile(error);
      }
    });
    if (!done) return;
    byId("editor").hidden = true;
    await this.saved();
  }
}

/** What can be written as a channel. */
async function nameChannels() {
  const { items } = await ask("/channels").catch(() => ({ items: [] }));
  const names = ["webhook", ...items.map((item) => item.name)];
  say(byId("known-channels"), t("form.channels_known", { names: names.join(", ") }));
}

/** Somebody else has changed the rule: who, and what it is now. */
function meanwhile(error) {
  const current = error instanceof ApiError ? error.body?.current : null;
  if (!current) return error;
  const now = current.rule ? yaml(current.rule) : "–";
  return new Error(t("rules.conflict", { by: current.by, version: current.version, now }));
}
