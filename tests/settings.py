"""The product's settings on a fresh folder, untouched by the developer's own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from quantai_site import config

_kept = {"DATABASE_URL", "QUANTAI_TEST_REDIS_URL"}
for _name in set(config.variables()) - _kept:
    os.environ.pop(_name, None)
_folder = Path(tempfile.mkdtemp(prefix="quantai-tests-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["QUANTAI_VAR"] = str(_folder / "var")
config.FILES_DIR = _folder

from quantai_site.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
