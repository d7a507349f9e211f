"""Addresses of the pages of this floor."""

from django.urls import path

from core import views

app_name = "core"
urlpatterns = [path("alerts/", views.alerts, name="alerts")]
