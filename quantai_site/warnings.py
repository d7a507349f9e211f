"""What is allowed but unwise, in one line each."""

from quantai_site.config import Config
from quantai_site.doctor.findings import Level
from quantai_site.doctor.machine import check_var


def warnings(config: Config) -> list[str]:
    """Unknown settings, and embedded servers where others may reach the site."""
    found = list(config.warnings)
    if not config.site.production:
        return found
    if config.redis_is_embedded:
        found.append("the embedded Redis runs in production: set REDIS_URL")
    if not config.site.database_url:
        found.append("SQLite is used in production: set DATABASE_URL")
    if not config.site.allowed_hosts:
        found.append(
            "ALLOWED_HOSTS is empty: the site answers to this machine's names only"
        )
    disk = check_var(config.site)
    if disk.level is not Level.OK:
        found.append(f"{disk.fact}: {disk.advice}")
    return found
