// A rule without the keys that say what holds anyway, so that it reads as a person would write it.

const DEFAULTS = {
  enabled: true,
  match: [],
  granularity: "frame",
  duration_sec: 1,
  resolve: {},
  action: "alert",
  cooldown_sec: 0,
  escalate: [],
};

export function leaner(rule) {
  const same = (name, value) => name in DEFAULTS && JSON.stringify(value) === JSON.stringify(DEFAULTS[name]);
  return Object.fromEntries(Object.entries(rule).filter(([name, value]) => !same(name, value)));
}
