"""Django's settings, derived from the checked values of ``quantai_site.config``."""

import logging.config
import socket
import sys

from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.core.management.utils import get_random_secret_key

from accounts.domain import modes
from core.logs import log_everything, logging_config
from core.secret_file import read_or_create
from quantai_site import config
from quantai_site.database import database_settings
from quantai_site.plotly_files import plotly_folder
from quantai_site.site_settings import BASE_DIR, is_loopback

try:
    QUANTAI = config.load()
except config.ConfigError as error:
    sys.stderr.write("QuantAI cannot start, settings are wrong:\n")
    sys.stderr.writelines(f"  {line}\n" for line in error.problems)
    raise SystemExit(2) from None

SITE = QUANTAI.site
VERSION = "0.1.0"

# What pages and files say of a venue's data and orders.
VENUE_BADGES: dict[str, str] = {
    venue: modes.site_badge(venue, SITE.trading_mode, guarded=modes.GUARDED)
    for venue in modes.VENUES
}

DEBUG = SITE.debug
SECRET_KEY = SITE.secret_key.get_secret_value() or read_or_create(
    SITE.var / "secret_key", make=get_random_secret_key
)
ALLOWED_HOSTS = list(SITE.allowed_hosts) or [
    *("localhost", "127.0.0.1", "[::1]"),
    *([] if is_loopback(SITE.host) else [SITE.host, socket.gethostname()]),
]
CSRF_TRUSTED_ORIGINS = list(SITE.csrf_trusted_origins)

INSTALLED_APPS = [
    "quantai_site.apps.SiteConfig",
    "core.apps.CoreConfig",
    "market.apps.MarketConfig",
    "risk.apps.RiskConfig",
    "training.apps.TrainingConfig",
    "accounts.apps.AccountsConfig",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "ninja",
    "csp",
]
MIDDLEWARE = [
    "quantai_site.api_errors.api_errors",
    "django.middleware.security.SecurityMiddleware",
    "quantai_site.static_files.StaticFilesMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
# What training calls above its floor: the workers, and the process of one trial.
CELERY_APP = "quantai_site.celery.app"
TRIAL_COMMAND = (str(BASE_DIR / "manage.py"), "run_trial")
ROOT_URLCONF = "quantai_site.urls"
ASGI_APPLICATION = "quantai_site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "quantai_site.context_processors.site",
            ],
        },
    },
]

DATABASES = {"default": database_settings(SITE)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "quantai_site" / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("plotly", plotly_folder(SITE.var)),
]
# Served from where they lie: no collectstatic, works offline.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
# Browsers ask each time and hear "not modified": never an old script.
WHITENOISE_MAX_AGE = 0
WHITENOISE_ALLOW_ALL_ORIGINS = False

CHANNEL_LAYERS = {
    "default": {
        # Messages wait for a worker that is just starting; the pub/sub layer loses
        # them.
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # Longer than the 5 s for which the layer waits for a message.
            "hosts": [{"address": SITE.redis_url, "socket_timeout": 15}],
            "prefix": "quantai:asgi",
        },
    }
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        # Plotly and the pages' bars set style attributes.
        "style-src": [SELF],
        "style-src-attr": [UNSAFE_INLINE],
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
BEHIND_HTTPS = SITE.trust_proxy_headers or any(
    origin.startswith("https://") for origin in SITE.csrf_trusted_origins
)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
if SITE.trust_proxy_headers:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True

LOGGING_CONFIG = None
LOGGING = logging_config(
    level=SITE.log_level,
    style=SITE.log_format,
    process=(sys.argv[1:2] or ["quantai"])[0].removeprefix("run_"),
)
logging.config.dictConfig(LOGGING)
if (sys.argv[1:2] or [""])[0].startswith("run_"):
    log_everything()
