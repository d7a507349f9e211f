"""Real login sessions of a private installation, one for each browser."""

from typing import Any

import django

PEOPLE = 20


def main(*, count: int) -> list[str]:
    """Log people in and return ``count`` Cookie headers."""
    django.setup()
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    users = [
        get_user_model().objects.get_or_create(username=f"bench{number}")[0]
        for number in range(PEOPLE)
    ]
    name = settings.SESSION_COOKIE_NAME
    found = []
    for number in range(count):
        client: Any = Client()
        client.force_login(users[number % PEOPLE])
        found.append(f"{name}={client.cookies[name].value}")
    return found
