from django.db import migrations

GROUPS = {
    "aggressive": "Takes more than its part",
    "conservative": "Takes less than its part",
    "neutral": "Neither",
}


def create(apps, schema_editor):
    group = apps.get_model("accounts", "AccountGroup")
    for name, description in GROUPS.items():
        group.objects.using(schema_editor.connection.alias).get_or_create(
            name=name, defaults={"description": description}
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_exchange_accounts")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
