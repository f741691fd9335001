// Subscriptions: who is told of alerts, with secret, test, switch and removal; and the log.

import { ask, every } from "./api.js";
import { byId, el } from "./dom.js";
import { DeliveryLog } from "./deliverylog.js";
import { frame } from "./frame.js";
import { hookForm } from "./hookform.js";
import { hookItem } from "./hookparts.js";
import { loading, onlyNew } from "./loading.js";
import { fill } from "./parts.js";

const REFRESH_MS = 10_000;
const log = new DeliveryLog();
const load = loading(byId("hooks-problem"), () => ask("/webhooks"), onlyNew(show)); // an answer to a test stays where somebody reads it

async function show({ items }) {
  fill(byId("hooks"), items.map((hook) => hookItem(hook, changed)), byId("hooks-empty"));
  log.nameReceivers(await receivers(items));
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
