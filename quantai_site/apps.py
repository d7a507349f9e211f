from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "quantai_site"
    verbose_name = "QuantAI"
