// What people do with an alert: acknowledge, assign, comment, close, silence.

import { ApiError, ask, send } from "./api.js";
import { person } from "./frame.js";
import { named, t, wallTime } from "./text.js";

const HOUR_MS = 3_600_000;
const path = (id, act) => `/inbox/${encodeURIComponent(id)}/${act}`;

/** Returns a sentence if somebody else was first. */
export async function acknowledge(id) {
  const alert = await send(path(id, "acknowledge"), { by: person() });
  if (alert.changed) return "";
  return t("inbox.was_first", { by: alert.acknowledged.by, time: wallTime(alert.acknowledged.at) });
}

export const assign = (alert, to) => careful(alert, "assign", { to: to || null });
export const close = (alert, verdict, comment) => careful(alert, "close", { verdict, comment });
export const comment = (alert, text) => send(path(alert.alert_id, "comment"), { by: person(), comment: text });

/** Change what was looked at, or say what it has become meanwhile. */
async function careful(alert, act, values) {
  try {
    return await send(path(alert.alert_id, act), { by: person(), ...values }, { version: alert.version });
  } catch (error) {
    if (!(error instanceof ApiError && error.body?.current)) throw error;
    throw new ConflictError(error.body.current);
  }
}

/** Somebody else has changed the alert meanwhile; the message says to what. */
export class ConflictError extends Error {
  constructor(current) {
    super(t("inbox.conflict", { state: presentState(current) }));
  }
}

function presentState(alert) {
  const parts = [named("alerts", alert.state)];
  if (alert.acknowledged) parts.push(t("inbox.acknowledged", { by: alert.acknowledged.by }));
  parts.push(alert.assigned_to ? t("inbox.assigned", { to: alert.assigned_to }) : t("inbox.unassigned"));
  if (alert.closed) parts.push(t("inbox.closed", { by: alert.closed.by, verdict: named("verdict", alert.verdict) }));
  return parts.join("; ");
}

/** Whom a silence can be about, as [name, matchers]; agents only where the call names one. */
export function scopesOf({ rule, session_id: session, labels }) {
  const agent = labels?.agent_id;
  const scopes = [
    [t("silence.rule"), [`rule=${rule}`]],
    [t("silence.call"), [`rule=${rule}`, `session_id=${session}`]],
  ];
  if (agent) scopes.push([t("silence.agent", { agent }), [`rule=${rule}`, `agent_id=${agent}`]]);
  return scopes;
}

export function silence(matchers) {
  const ends = new Date(Date.now() + HOUR_MS).toISOString();
  return send("/silences", { matchers, ends_at: ends, author: person(), comment: t("silence.why") });
}

export const endSilence = (id) => ask(`/silences/${encodeURIComponent(id)}`, { method: "DELETE" });
