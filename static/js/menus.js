/* Menus that are details elements. */

/** Let Escape or a click elsewhere close `menu`. */
export function closesItself(menu) {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") menu.open = false;
  });
  document.addEventListener("click", (event) => {
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
}
