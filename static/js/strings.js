/* Texts of the scripts: English is the key, other languages come from JSON files. */

const language = document.documentElement.lang.toLowerCase();
const files = language.startsWith("zh") ? document.body?.dataset : null;
const load = async (address) => (address ? (await fetch(address)).json() : {});
/** `sentences`: what the server writes in English, by group; see `told.js`. */
const [table, sentences] = await Promise.all([load(files?.strings), load(files?.sentences)]);
export { sentences };

/** Put `values` where the text says `{name}`. */
export const filledIn = (text, values) => text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);

/** Translate; `{name}` in the text is replaced from `values`; `of`: what a word is said of,
    where other languages have a word of their own for that. */
export function t(text, values = {}) {
  return filledIn(table[`${values.of}|${text}`] ?? table[text] ?? text, values);
}
