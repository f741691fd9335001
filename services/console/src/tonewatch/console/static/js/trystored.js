// What storage tells of a recording that was tried.

import { ask } from "./api.js";

/** All seconds of a recording; storage hands out an hour at a time. `id` is already encoded. */
export async function wholeTimeline(id) {
  const items = [];
  let cursor = "";
  for (;;) {
    const part = await ask(`/sessions/${id}/timeline${cursor && `?cursor=${encodeURIComponent(cursor)}`}`);
    items.push(...part.items);
    cursor = part.next_cursor;
    if (!cursor) return { ...part, items };
  }
}

/** What is finer than a second, and what is coarser: segments and whole utterances. */
export async function stretches(id) {
  const segments = [];
  for (let from = 0; from !== null; ) {
    const part = await ask(`/sessions/${id}/segments?from_seq=${from}`);
    segments.push(...part.items);
    from = part.next_seq;
  }
  const { items } = await ask(`/records?session_id=${id}&granularity=utterance&order=asc&limit=1000`);
  const utterances = items.map((item) => ({ ...item, start_seconds: item.start_ms / 1000, end_seconds: item.end_ms / 1000 }));
  const inOrder = (a, b) => a.start_seconds - b.start_seconds;
  return { segments: segments.sort(inOrder), utterances: utterances.sort(inOrder) };
}

/** Calls that sound like this one, by the embeddings of their utterances. */
export const similar = async (id) => (await ask(`/sessions/${id}/similar?limit=5`)).items;
