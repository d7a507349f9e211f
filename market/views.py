"""Pages of the market: live table, one symbol, connections, gaps, signals.

They render the frame only; the numbers come over REST and the browser socket.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render


def market(request: HttpRequest) -> HttpResponse:
    return render(request, "market/market.html", {"section": "market"})


def symbol(request: HttpRequest, symbol: str) -> HttpResponse:
    """One symbol, in the exchange's spelling; others are sent to that address."""
    if symbol != symbol.upper():
        return redirect("market:symbol", symbol.upper())
    intervals = settings.QUANTAI.market.intervals
    context = {"section": "market", "symbol": symbol, "intervals": intervals}
    return render(request, "market/symbol.html", context)


def connections(request: HttpRequest) -> HttpResponse:
    return render(request, "market/connections.html", {"section": "connections"})


def gaps(request: HttpRequest) -> HttpResponse:
    """What the streams did not bring; it is part of the connections."""
    return render(request, "market/gaps.html", {"section": "connections"})


def signals(request: HttpRequest) -> HttpResponse:
    """What the scans found, and how earlier scores turned out."""
    intervals = settings.QUANTAI.market.intervals
    context = {"section": "signals", "intervals": intervals}
    return render(request, "market/signals.html", context)
