from django.contrib.auth.management import create_permissions
from django.db import migrations

ROLES = ("viewer", "trader", "risk", "admin")
SEEN = (
    "exchangeaccount",
    "accountgroup",
    "order",
    "parentorder",
    "fill",
    "intent",
    "position",
    "balance",
    "income",
    "equitysnapshot",
    "reconciliation",
    "traderecord",
)


def grant(apps, schema_editor):
    """Let every role see what accounts hold and do; keys are never shown to anybody."""
    alias = schema_editor.connection.alias
    # Permissions are made after all migrations; these are needed now.
    config = apps.get_app_config("accounts")
    config.models_module = True
    create_permissions(config, verbosity=0, using=alias, apps=apps)
    config.models_module = None
    seen = (
        apps.get_model("auth", "Permission")
        .objects.using(alias)
        .filter(
            content_type__app_label="accounts",
            codename__in=[f"view_{name}" for name in SEEN],
        )
    )
    group = apps.get_model("auth", "Group")
    for role in group.objects.using(alias).filter(name__in=ROLES):
        role.permissions.add(*seen)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_groups"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
