"""Addresses of the pages of risk."""

from django.urls import path

from risk import views

app_name = "risk"
urlpatterns = [path("", views.risk, name="risk")]
