"""Addresses of the pages of accounts."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("positions/", views.positions, name="positions"),
    path("orders/", views.orders, name="orders"),
    path("trades/", views.trades, name="trades"),
    path("pnl/", views.pnl, name="pnl"),
    path("performance/", views.performance, name="performance"),
]
