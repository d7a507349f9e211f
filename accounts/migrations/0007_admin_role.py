from django.contrib.auth.management import create_permissions
from django.db import migrations

CHANGED = ("exchangeaccount", "accountgroup")
KINDS = ("add", "change", "delete")


def grant(apps, schema_editor):
    """Let the role admin manage accounts; risk and admin read the audit trail."""
    alias = schema_editor.connection.alias
    for label in ("accounts", "core"):
        # Permissions are made after all migrations; these are needed now.
        config = apps.get_app_config(label)
        config.models_module = True
        create_permissions(config, verbosity=0, using=alias, apps=apps)
        config.models_module = None
    group = apps.get_model("auth", "Group").objects.using(alias)
    permission = apps.get_model("auth", "Permission").objects.using(alias)
    managed = permission.filter(
        content_type__app_label="accounts",
        codename__in=[f"{kind}_{name}" for kind in KINDS for name in CHANGED],
    )
    seen = permission.filter(content_type__app_label="core", codename="view_auditentry")
    group.get(name="admin").permissions.add(*managed, *seen)
    group.get(name="risk").permissions.add(*seen)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_key_canary"),
        ("core", "0002_audit"),
    ]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
