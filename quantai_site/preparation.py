"""What must be true of the database and files before pages can be shown."""

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.keys import check_master_key
from accounts.services import admin_create
from quantai_site import plotly_files


def migrations_missing() -> int:
    """How many migrations the database lacks."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def prepare() -> list[str]:
    """Migrate when needed, make the first administrator; return lines to show.

    Raises ``MasterKeyProblem`` when stored secrets cannot be read.
    """
    lines = []
    missing = migrations_missing()
    if missing:
        call_command("migrate", verbosity=0, interactive=False)
        lines.append(f"database: {missing} migrations applied")
    check_master_key()
    password = admin_create()
    if password is not None:
        lines.append(f"First login: user admin, password {password}")
    plotly_files.compress(settings.QUANTAI.site.var)
    connection.close()
    return lines
