// A part of a page that asks a service and shows what it answers.

import { turns } from "./api.js";
import { say } from "./dom.js";
import { t } from "./text.js";

/**
 * A function that fetches and shows, as often as it is called. An answer that a later one has overtaken is dropped;
 * what went wrong is said where `problem` is, until it goes well again.
 */
export function loading(problem, fetch, show) {
  const turn = turns();
  return async () => {
    const isNewest = turn();
    try {
      const found = await fetch();
      if (!isNewest()) return;
      say(problem, "");
      await show(found);
    } catch (error) {
      if (isNewest()) say(problem, t("part.away", { detail: error.message }));
    }
  };
}

/** Show only what is new: whoever reads or tabs through a list, or has opened a part of it, is left in peace. */
export function onlyNew(show) {
  let shown = "";
  return (found) => {
    const seen = JSON.stringify(found);
    if (seen === shown) return null;
    shown = seen;
    return show(found);
  };
}
