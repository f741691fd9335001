// The stretches of one emotion of a call: finer than a second where that is kept, else by seconds.

import { ask, query } from "./api.js";

const PARTS = 60; // of ten minutes each
const RUNS = 1000;

export async function stretches(id) {
  const found = [];
  for (let from = 0, part = 0; from !== null && part < PARTS; part += 1) {
    const answer = await ask(`/sessions/${encodeURIComponent(id)}/segments?from_seq=${from}`);
    found.push(...answer.items);
    from = answer.next_seq;
  }
  return found.length ? found : runs(id);
}

async function runs(id) {
  const { items } = await ask(`/segments${query({ session_id: id, order: "asc", limit: RUNS })}`);
  const seconds = (run) => ({ ...run, start_seconds: run.start_ms / 1000, end_seconds: run.end_ms / 1000 });
  return items.filter((run) => run.emotion !== "no_speech").map(seconds);
}
