// A rule's condition in words.

import { emotionName, named, percent, t } from "./text.js";

const list = (value) => [value ?? []].flat();
const share = (value) => `${percent(value ?? 0)} %`;
const either = (emotions) => list(emotions).map(emotionName).join(t("rules.or"));

/** What a rule waits for, as one or two sentences. */
export function conditionText(rule) {
  const speaker = rule.speaker ? [t("rules.speaker", { speaker: named("speaker", rule.speaker) })] : [];
  const match = rule.match?.length ? [t("rules.match", { match: rule.match.join(", ") })] : [];
  return [mainText(rule), ...speaker, ...match].join(t("rules.join"));
}

function mainText(rule) {
  if (rule.sequence) return sequenceText(rule.sequence);
  if (rule.no_data) return t(`rules.data.${rule.no_data.kind}`, { seconds: rule.no_data.longer_than_sec });
  if (rule.change) return changeText(rule.change);
  return `${plainText(rule)}${lengthText(rule)}`;
}

function plainText({ combination, emotion, threshold }) {
  if (!combination) return t("rules.above", { emotion: either(emotion), threshold: share(threshold) });
  const weight = (name) => combination.weights?.[name];
  const part = (name) => (weight(name) ? `${weight(name)} × ${emotionName(name)}` : emotionName(name));
  return t("rules.sum", { emotions: list(combination.emotions).map(part).join(" + "), threshold: share(combination.min_sum) });
}

function lengthText({ share: pieces, duration_sec: seconds }) {
  if (pieces) return t("rules.pieces", { least: pieces.at_least_sec, most: pieces.of_last_sec });
  return t("rules.during", { seconds: seconds ?? 1 });
}

function changeText({ emotion, rise, baseline_sec: seconds }) {
  return t("rules.change", { emotion: either(emotion), rise: share(rise), seconds: seconds ?? 120 });
}

function sequenceText({ stages, within_sec: seconds }) {
  const steps = stages.map((stage) => `${plainText(stage)}${lengthText(stage)}`);
  return t("rules.sequence", { steps: steps.join(t("rules.then")), seconds });
}
