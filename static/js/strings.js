/* Texts of the scripts: English is the key, other languages come from one JSON file. */

const language = document.documentElement.lang.toLowerCase();
const source = language.startsWith("zh") ? document.body?.dataset.strings : null;
const table = source ? await (await fetch(source)).json() : {};

/** Translate; `{name}` in the text is replaced from `values`. */
export function t(text, values = {}) {
  return (table[text] ?? text).replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}
