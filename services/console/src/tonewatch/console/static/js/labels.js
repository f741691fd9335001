// Labels that limit what an account or key sees, as people write them: agent_id=1042, queue=vip.

import { t } from "./text.js";

export function labelsOf(text) {
  const parts = text.split(/[,，;；\n]+/).map((each) => each.trim()).filter(Boolean);
  return Object.fromEntries(parts.map((part) => {
    const at = part.indexOf("=");
    const [name, value] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    if (at < 1 || !name || !value) throw new Error(t("hooks.label_wrong", { line: part }));
    return [name, value];
  }));
}

export const labelsText = (labels) => Object.entries(labels || {}).map(([name, value]) => `${name}=${value}`).join(", ");
