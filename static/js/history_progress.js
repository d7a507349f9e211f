/* How far the feed is with fetching history, and which series it cannot get. */

import { h } from "./dom.js";
import { feed, feedStore } from "./feed.js";
import { number } from "./format.js";
import { t } from "./strings.js";
import { told } from "./told.js";

function bar(done, planned) {
  const text = t("Fetching history: {done} of {planned} series", { done: number(done), planned: number(planned) });
  return h("p", {}, h("label", {}, text, " ", h("progress", { max: String(planned), value: String(done) })));
}

function failures(failed) {
  const names = Object.keys(failed);
  return h("details", {}, h("summary", {}, t("{n} series could not be fetched; they are asked for again", { n: number(names.length) })),
    h("ul", {}, names.map((name) => h("li", {}, h("span", { class: "mono" }, name), ` ${told(failed[name])}`))));
}

/** Keep `box` showing it; hidden while there is nothing to tell. */
export function historyProgress(box) {
  const show = () => {
    const { history, history_failed: failed = {} } = feed() ?? {};
    const key = JSON.stringify([history, failed]);
    if (box.dataset.key === key) return;
    box.dataset.key = key;
    const parts = [];
    if (history && history.done < history.planned) parts.push(bar(history.done, history.planned));
    if (Object.keys(failed).length) parts.push(failures(failed));
    box.hidden = !parts.length;
    box.replaceChildren(...parts);
  };
  feedStore.onChange(show);
  show();
}
