"""Master keys of a test: a folder of its own, and settings that name it."""

import pytest
from pydantic import SecretStr


def use_master_keys(settings, *, var=None, keys=None):
    """Point the product's settings at a folder, and at master keys in the settings."""
    quantai = settings.QUANTAI
    if var is not None:
        site = quantai.site.model_copy(update={"var": var})
        quantai = quantai.model_copy(update={"site": site})
    if keys is not None:
        accounts = quantai.accounts.model_copy(
            update={"master_keys": SecretStr(",".join(keys))}
        )
        quantai = quantai.model_copy(update={"accounts": accounts})
    settings.QUANTAI = quantai


@pytest.fixture
def var(settings, tmp_path):
    """A fresh folder whose master key file does not exist yet."""
    folder = tmp_path / "var"
    use_master_keys(settings, var=folder, keys=())
    return folder
