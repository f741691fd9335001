// Plain data as YAML, for people to read and change. (Reading it is the alerting service's part.)

const PLAIN = /^[A-Za-z_一-鿿][\w一-鿿 -]*$/;
const TAKEN = /^(true|false|yes|no|on|off|null|y|n|~)$/i;

function scalar(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  const isPlain = PLAIN.test(value) && !TAKEN.test(value) && value === value.trim();
  return isPlain ? value : JSON.stringify(value); // a JSON string is a YAML string
}

const isScalar = (value) => value === null || typeof value !== "object";
const isEmpty = (value) => !isScalar(value) && Object.keys(value).length === 0;

/** A map, list or scalar; lists of scalars stay on one line. */
export function yaml(value, indent = "") {
  if (isScalar(value)) return scalar(value);
  if (isEmpty(value)) return Array.isArray(value) ? "[]" : "{}";
  if (Array.isArray(value)) {
    if (value.every(isScalar)) return `[${value.map(scalar).join(", ")}]`;
    return value.map((each) => `${indent}- ${yaml(each, `${indent}  `).trimStart()}`).join("\n");
  }
  return Object.entries(value).map(([key, each]) => `${indent}${scalar(key)}:${nested(each, indent)}`).join("\n");
}

function nested(value, indent) {
  const isInline = isScalar(value) || isEmpty(value) || (Array.isArray(value) && value.every(isScalar));
  return isInline ? ` ${yaml(value)}` : `\n${yaml(value, `${indent}  `)}`;
}
