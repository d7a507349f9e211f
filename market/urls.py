"""Addresses of the market's pages."""

from django.urls import path, re_path

from market import views

app_name = "market"
urlpatterns = [
    path("", views.market, name="market"),
    re_path(r"^symbols/(?P<symbol>\w{2,30})/$", views.symbol, name="symbol"),
    path("connections/", views.connections, name="connections"),
    path("gaps/", views.gaps, name="gaps"),
    path("signals/", views.signals, name="signals"),
]
