"""All addresses of the site."""

from django.contrib import admin
from django.urls import include, path

from quantai_site import api, status, views

# Only the web process has use for the admin's modules.
admin.autodiscover()

urlpatterns = [
    path("", views.overview, name="overview"),
    path("settings/", views.settings_page, name="settings"),
    path("", include("core.urls")),
    path("market/", include("market.urls")),
    path("training/", include("training.urls")),
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("accounts.page_urls")),
    path("risk/", include("risk.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", api.open_urls(api.api)),
    path("admin/", admin.site.urls),
    path("healthz", status.healthz, name="healthz"),
    path("readyz", status.readyz, name="readyz"),
]
