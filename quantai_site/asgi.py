"""The ASGI entry: HTTP to Django, browser sockets through origin check and login."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantai_site.settings")

from django.core.asgi import get_asgi_application

# Django's apps must be loaded before anything below is imported.
django_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from market.routing import websocket_urlpatterns  # noqa: E402
from quantai_site.server_send import KeepServerSend  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": AllowedHostsOriginValidator(
            KeepServerSend(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
        ),
    }
)
