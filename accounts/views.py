"""Pages of accounts: cards, positions, orders, trades, profit, performance.

They render the frame only; the numbers come over REST and the browser socket.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def overview(request: HttpRequest) -> HttpResponse:
    """Every account as a card, by group, with what it is worth."""
    return _page(request, "accounts")


def positions(request: HttpRequest) -> HttpResponse:
    """What is held over all accounts, by three prices."""
    return _page(request, "positions")


def orders(request: HttpRequest) -> HttpResponse:
    """Orders as they stand, and as they were given."""
    return _page(request, "orders")


def trades(request: HttpRequest) -> HttpResponse:
    """Executions."""
    return _page(request, "trades")


def pnl(request: HttpRequest) -> HttpResponse:
    """Profit of a period: realised, fees and funding apart."""
    return _page(request, "pnl")


def performance(request: HttpRequest) -> HttpResponse:
    """How accounts, groups and all of them did."""
    return _page(request, "performance")


def _page(request: HttpRequest, name: str) -> HttpResponse:
    context = {"section": "accounts", "tab": name}
    return render(request, f"accounts/{name}.html", context)
