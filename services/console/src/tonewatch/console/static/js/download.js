// Files that the page makes itself.

import { el } from "./dom.js";

/** Hand text over to the browser as a file to keep. */
export function download(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A file's name with another ending. */
export const renamed = (name, end) => `${name.replace(/\.[^.]{1,5}$/, "") || "recording"}${end}`;
