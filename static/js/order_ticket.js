/* The order ticket: a dialog in three steps - what is wanted, what it would become on
   each account, what came of it. Nothing is sent that was not previewed as it stands. */

import { ASSET, cash, errorText, exact, LOCKED, mayTrade, newKey, ORDER_STATES, OUTCOMES, previewOrder, sendOrder, venueBadge, wordBadge } from "./accounts.js";
import { get } from "./api.js";
import { h, setText } from "./dom.js";
import { duration, number } from "./format.js";
import { quotes } from "./quotes.js";
import { t } from "./strings.js";
import { told as translated } from "./told.js";
import { quantityHint, ticketForm, valuesOf } from "./ticket_form.js";

/** Let every `[data-order-ticket]` of the page open the ticket with its data as wishes. */
export function ticketButtons(root = document) {
  for (const button of root.querySelectorAll("[data-order-ticket]")) {
    button.disabled = !mayTrade;
    if (!mayTrade) button.title = LOCKED;
    button.addEventListener("click", () => openTicket({ ...button.dataset }));
  }
  const wanted = new URLSearchParams(location.search);
  if (wanted.has("ticket") && mayTrade) openTicket({ symbol: wanted.get("ticket") });
}

/** Open it; `wish`: symbol, side, quantity, accounts … as the form names them. */
export function openTicket(wish = {}) {
  new Ticket(wish).open();
}

class Ticket {
  constructor(wish) {
    this.form = ticketForm(wish);
    this.key = newKey();
    this.result = h("div", { class: "ticket-result", "aria-live": "polite" });
    this.previewButton = h("button", { class: "button", type: "submit" }, t("Preview"));
    this.sendButton = h("button", { class: "button", "data-kind": "primary", type: "button", disabled: true, id: "ticket-send", onclick: () => this.send() }, t("Send order"));
    this.closeButton = h("button", { class: "button", "data-kind": "quiet", type: "button", onclick: () => this.dialog.close() }, t("Close"));
    this.hint = h("p", { class: "ticket-hint muted" });
    this.badges = h("span", { class: "row", id: "ticket-badges", "aria-live": "polite" });
    this.form.append(this.hint, this.result);
    this.dialog = h("dialog", { class: "dialog ticket", "aria-labelledby": "ticket-title" },
      h("div", { class: "card-head" }, h("h2", { id: "ticket-title" }, t("New order")), this.badges),
      this.form,
      h("div", { class: "dialog-actions" }, this.closeButton, this.previewButton, this.sendButton));
    this.previewButton.setAttribute("form", this.form.id);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.preview();
    });
    this.form.addEventListener("input", () => this.changed());
    this.form.addEventListener("change", () => this.changed());
  }

  open() {
    document.body.append(this.dialog);
    this.dialog.addEventListener("close", () => {
      clearInterval(this.ticking);
      this.dialog.remove();
    });
    this.dialog.showModal();
    this.form.elements.namedItem("quantity").focus();
    this.ticking = setInterval(() => this.showHint(), 1000);
    this.showHint();
    this.offer();
  }

  async offer() {
    try {
      this.form.offer(await get("/accounts"));
      this.showBadges();
    } catch (error) {
      this.form.failed(error);
    }
  }

  showHint() {
    setText(this.hint, quantityHint(this.form, quotes().items.get(valuesOf(this.form).symbol)));
  }

  /** What is shown no longer stands for what the form says. */
  changed() {
    if (this.sending) return;
    this.sendButton.disabled = true;
    setText(this.sendButton, t("Send order"));
    this.result.classList.add("is-doubted");
    this.form.clearErrors();
    this.showHint();
    this.showBadges();
  }

  /** Where the order would go: of each account that is chosen, real money first. */
  showBadges() {
    const badges = this.form.badges();
    if (this.badges.dataset.badges === badges.join()) return;
    this.badges.dataset.badges = badges.join();
    this.badges.replaceChildren(...badges.map(venueBadge));
  }

  async preview() {
    const body = valuesOf(this.form);
    // Over REST no name means every account: never by an oversight.
    if (!body.accounts.length) return this.form.showError({ details: [{ field: "accounts", rule: t("Choose an account.") }] });
    this.previewButton.setAttribute("aria-busy", "true");
    try {
      const told = await previewOrder(body);
      if (JSON.stringify(body) !== JSON.stringify(valuesOf(this.form))) return;
      this.body = body;
      this.key = newKey();
      this.showPreview(told);
    } catch (error) {
      this.form.showError(error);
      this.result.replaceChildren(h("p", { class: "critical", role: "alert" }, errorText(error)));
      this.result.classList.remove("is-doubted");
    } finally {
      this.previewButton.setAttribute("aria-busy", "false");
    }
  }

  showPreview(told) {
    this.result.classList.remove("is-doubted");
    const takers = told.shares.filter((share) => Number(share.quantity) > 0);
    const lines = told.shares.map((share) => h("tr", { "data-account": share.account, class: Number(share.quantity) > 0 ? "" : "is-left-out" },
      h("td", {}, share.account, " ", venueBadge(share.badge)),
      h("td", { class: "num" }, exact(share.quantity)), h("td", { class: "num" }, cash(share.notional)),
      h("td", { class: "num" }, cash(share.margin)), h("td", { class: "num" }, cash(share.margin_after)),
      h("td", { class: "words muted" }, translated(share.reason))));
    this.result.replaceChildren(...[
      h("h3", {}, t("What each account would get")),
      h("p", { class: "muted" }, t("Priced at {price} {asset}, {age} old.", { price: exact(told.price), asset: ASSET, age: duration(told.quote_age_seconds) })),
      table([t("Account"), [t("Quantity")], [t("Value", { of: "orders" }), ASSET], [t("Margin"), ASSET], [t("Free after"), ASSET], t("Left out because")], lines, t("Preview")),
      Number(told.left) > 0 ? h("p", { class: "warn" }, t("{n} of {all} that no account can take.", { n: exact(told.left), all: exact(told.quantity) })) : null,
      told.allowed ? null : h("p", { class: "critical", role: "alert" }, t("Nothing can be sent.")),
    ].filter(Boolean));
    this.sendButton.disabled = !told.allowed;
    setText(this.sendButton, told.allowed ? this.summary(told.placed, takers.length) : t("Send order"));
    if (told.allowed) this.sendButton.focus();
    this.result.scrollIntoView({ block: "nearest" });
  }

  summary(quantity, accounts) {
    const values = { quantity: exact(quantity), symbol: this.body.symbol, n: number(accounts) };
    return this.body.side === "BUY" ? t("Buy {quantity} {symbol} on {n}", values) : t("Sell {quantity} {symbol} on {n}", values);
  }

  async send() {
    this.sending = true;
    this.sendButton.disabled = true;
    this.previewButton.disabled = true;
    this.sendButton.setAttribute("aria-busy", "true");
    try {
      this.showAnswer(await sendOrder(this.body, this.key));
    } catch (error) {
      if (error.status === 0 || error.status === 503) this.showUncertain(error);
      else this.showRefusal(error);
    } finally {
      this.sending = false;
      this.sendButton.setAttribute("aria-busy", "false");
      this.previewButton.disabled = false;
    }
  }

  /** No answer: the same key asks again without sending a second order. */
  showUncertain(error) {
    const again = h("button", { class: "button", type: "button", onclick: () => this.send() }, t("Ask again"));
    this.result.replaceChildren(h("p", { class: "warn", role: "alert" }, `${errorText(error)} `, t("Asking again sends no second order.")), again);
    again.focus();
  }

  showRefusal(error) {
    this.form.showError(error);
    this.result.replaceChildren(h("p", { class: "critical", role: "alert" }, errorText(error)));
  }

  showAnswer(told) {
    if (told.state === "waiting" || told.state === "taken") return this.showUncertain(new Error(t("The trader has not answered yet.")));
    const orders = new Map((told.order?.orders ?? []).map((order) => [order.account, order]));
    const lines = (told.result.accounts ?? []).map((one) => this.answerLine(one, orders.get(one.account)));
    this.result.replaceChildren(
      h("h3", {}, t("What came of it")),
      h("p", { class: "muted" }, [translated(told.result.message), t("answered after {age}", { age: duration(told.result.seconds) })].filter(Boolean).join(" · ")),
      table([t("Account"), t("Outcome"), [t("Quantity")], [t("Filled")], [t("Average price"), ASSET], t("What was said")], lines, t("What came of it")),
      h("p", {}, h("a", { href: document.body.dataset.ordersPage }, t("All orders"))));
    setText(this.sendButton, t("Sent"));
    this.result.scrollIntoView({ block: "nearest" });
    this.closeButton.focus();
    document.dispatchEvent(new CustomEvent("quantai:ordered"));
  }

  answerLine(one, order) {
    const state = order?.state ?? one.state;
    const word = ORDER_STATES[state] ?? OUTCOMES[one.outcome] ?? ["", one.outcome];
    return h("tr", { "data-account": one.account, "data-outcome": one.outcome },
      h("td", {}, one.account), h("td", {}, wordBadge(one.outcome === "done" ? word : OUTCOMES[one.outcome] ?? word)),
      h("td", { class: "num" }, exact(order?.quantity ?? one.quantity)), h("td", { class: "num" }, exact(order?.filled ?? one.filled)),
      h("td", { class: "num" }, exact(order?.average_price ?? one.average_price)), h("td", { class: "words muted" }, translated(one.message)));
  }
}

function table(heads, lines, label) {
  const cells = heads.map((head) => (Array.isArray(head) ? h("th", { scope: "col", class: "num" }, head[0], head[1] ? h("span", { class: "unit" }, head[1]) : null) : h("th", { scope: "col" }, head)));
  return h("div", { class: "table-scroll" }, h("table", { class: "table", "aria-label": label }, h("thead", {}, h("tr", {}, cells)), h("tbody", {}, lines)));
}

