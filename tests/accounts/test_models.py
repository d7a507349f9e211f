import pytest
from django.contrib.auth.models import Group

from core.access import Role


@pytest.mark.django_db
def test_the_roles_exist_as_groups_after_the_migrations():
    names = set(Group.objects.values_list("name", flat=True))
    assert names == {role.value for role in Role}
