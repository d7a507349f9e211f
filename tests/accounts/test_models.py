import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from core.access import Role


@pytest.mark.django_db
def test_the_roles_exist_as_groups_after_the_migrations():
    names = set(Group.objects.values_list("name", flat=True))
    assert names == {role.value for role in Role}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("viewer", {"accounts.view_exchangeaccount"}),
        ("trader", {"accounts.view_exchangeaccount"}),
        ("risk", {"accounts.view_exchangeaccount", "core.view_auditentry"}),
        (
            "admin",
            {
                *("accounts.view_exchangeaccount", "core.view_auditentry"),
                *("accounts.add_exchangeaccount", "accounts.change_exchangeaccount"),
                *("accounts.delete_exchangeaccount", "accounts.change_accountgroup"),
            },
        ),
    ],
)
def test_only_admins_manage_accounts_and_nobody_the_trail(role, may):
    user = User.objects.create_user("one", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    asked = {
        *(f"accounts.{k}_exchangeaccount" for k in ("view", "add", "change", "delete")),
        *("accounts.change_accountgroup", "core.view_auditentry"),
        *("core.change_auditentry", "core.delete_auditentry"),
    }
    assert {one for one in asked if user.has_perm(one)} == may
