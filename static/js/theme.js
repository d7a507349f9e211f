/* Dark and light: the reader's choice, else the system's. Announces "quantai:theme". */

const KEY = "quantai.theme";
const root = document.documentElement;

export const theme = () => root.dataset.theme;

/** A token's value in the present theme, for code that draws (charts). */
export const token = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

export function setTheme(name) {
  if (root.dataset.theme === name) return;
  root.dataset.theme = name;
  document.dispatchEvent(new CustomEvent("quantai:theme", { detail: name }));
}

export function toggleTheme() {
  const next = theme() === "dark" ? "light" : "dark";
  localStorage.setItem(KEY, next);
  setTheme(next);
}

matchMedia("(prefers-color-scheme: light)").addEventListener("change", (event) => {
  if (!localStorage.getItem(KEY)) setTheme(event.matches ? "light" : "dark");
});
