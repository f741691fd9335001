// Subscriptions: who is told of alerts, with secret, test, switch and removal; and the log.

import { ask, every, turns } from "./api.js";
import { byId, el, say } from "./dom.js";
import { DeliveryLog } from "./deliverylog.js";
import { frame } from "./frame.js";
import { hookForm } from "./hookform.js";
import { hookItem } from "./hookparts.js";
import { fill } from "./parts.js";
import { t } from "./text.js";

const REFRESH_MS = 10_000;
const log = new DeliveryLog();

const turn = turns();
let shown = "";

async function load() {
  const isNewest = turn();
  try {
    const { items } = await ask("/webhooks");
    if (!isNewest()) return;
    say(byId("hooks-problem"), "");
    const seen = JSON.stringify(items);
    if (seen === shown) return; // an answer to a test stays where somebody reads it
    shown = seen;
    fill(byId("hooks"), items.map((hook) => hookItem(hook, changed)), byId("hooks-empty"));
    log.nameReceivers(await receivers(items));
  } catch (error) {
    if (isNewest()) say(byId("hooks-problem"), t("part.away", { detail: error.message }));
  }
}

/** All that a delivery can go to: webhooks by id, channels of the settings by name. */
async function receivers(hooks) {
  const channels = await ask("/channels").catch(() => ({ items: [] }));
  return [...hooks.map(({ id, name }) => [id, name]), ...channels.items.map(({ name }) => [name, name])];
}

async function changed() {
  await Promise.all([load(), log.load()]);
}

async function nameRules() {
  const { rules } = await ask("/rules").catch(() => ({ rules: [] }));
  byId("rule-names").replaceChildren(...rules.map((rule) => el("option", { value: rule.name })));
}

frame();
hookForm(changed);
nameRules();
every(REFRESH_MS, changed);
