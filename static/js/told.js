/* What the server writes in English (rules, reasons, causes, advice), in the language of
   the page. The sentences are in `strings/*-sentences.json`: `{name}` where the server
   puts a value, `{n}` a number. What is not listed stays as it is, and so does English.
   `core/told.py` does the same for pages that the server renders. */

import { filledIn, sentences } from "./strings.js";

const KEPT = 500;
/* Values that may hold sentences themselves; in others "; " ends the sentence. */
const OPEN = new Set(["advice", "error", "rest", "rule", "text", "value", "why", "_"]);
const { fields = {}, forms = {}, ...others } = sentences;
const byFirstWord = new Map();
const withoutFirstWord = [];
const kept = new Map();

for (const [english, own] of Object.values(others).flatMap(Object.entries)) {
  const word = english.split(" ", 1)[0];
  const sentence = { english, own, pattern: null, names: [] };
  if (word.includes("{")) withoutFirstWord.push(sentence);
  else if (byFirstWord.has(word)) byFirstWord.get(word).push(sentence);
  else byFirstWord.set(word, [sentence]);
}

function patternOf(sentence) {
  sentence.pattern ??= new RegExp(`^${sentence.english.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{(\w+)\}/g, (_, name) => {
    sentence.names.push(name);
    return name === "n" ? "([\\d.,]+)" : OPEN.has(name) ? "(.+?)" : "((?:(?!; ).)+?)";
  })}$`, "s");
  return sentence.pattern;
}

function whole(text) {
  for (const sentence of [...(byFirstWord.get(text.split(" ", 1)[0]) ?? []), ...withoutFirstWord]) {
    const found = patternOf(sentence).exec(text);
    if (!found) continue;
    return filledIn(sentence.own, Object.fromEntries(sentence.names.map((name, at) => [name, (name === "field" ? fieldName : told)(found[at + 1])])));
  }
  return null;
}

/** "name: sentence" */
function behindName(text) {
  const [, name, rest] = /^((?:(?!; ).)+?): (.+)$/s.exec(text) ?? [];
  const own = name && told(rest);
  return name && own !== rest ? filledIn(forms["{name}: {rest}"], { name: told(name), rest: own }) : null;
}

/** "sentence (cause)" */
function withCause(text) {
  const [, sentence, cause] = /^(.+?) \((.+)\)$/s.exec(text) ?? [];
  const own = sentence && whole(sentence);
  return own ? filledIn(forms["{sentence} ({cause})"], { sentence: own, cause: told(cause) }) : null;
}

/** "sentence; sentence": each as long as it can be, because some have a "; " of their own. */
function joined(text) {
  const parts = text.split("; ");
  const found = [];
  let known = 0;
  for (let at = 0; parts.length > 1 && at < parts.length;) {
    let own = null;
    let end = parts.length + 1;
    while (own === null && --end > at) own = whole(parts.slice(at, end).join("; "));
    known += own !== null;
    found.push(own ?? parts[at]);
    at = Math.max(end, at + 1);
  }
  return known ? { own: found.join(forms["; "]), all: known === found.length } : null;
}

function inParts(text) {
  const list = joined(text);
  return (list?.all ? list.own : null) ?? behindName(text) ?? list?.own ?? withCause(text);
}

/** A name of a field as people call it. */
export const fieldName = (name) => fields[name] ?? name;

/** The sentence in the language of the page; values that are words or sentences too. */
export function told(text) {
  if (!text || !byFirstWord.size) return text;
  if (kept.has(text)) return kept.get(text);
  const own = whole(text) ?? inParts(text) ?? text;
  if (kept.size >= KEPT) kept.clear();
  kept.set(text, own);
  return own;
}
