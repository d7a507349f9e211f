"""Pages of the market."""

from django.urls.resolvers import URLPattern

app_name = "market"
urlpatterns: list[URLPattern] = []
