/* Runs before the first paint, so that no page flashes in the wrong theme. */
(() => {
  const chosen = localStorage.getItem("quantai.theme");
  const light = matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.theme = chosen ?? (light ? "light" : "dark");
})();
