"""The product's settings on a fresh folder, untouched by the developer's own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from quantai_site import config

_kept = {"DATABASE_URL"}
for _name in set(config.variables()) - _kept:
    os.environ.pop(_name, None)
# Only a test that writes makes it; tools that merely read the settings leave nothing.
_folder = Path(tempfile.gettempdir()) / f"quantai-tests-{os.getpid()}"
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["SECRET_KEY"] = "only for tests " * 3
os.environ["QUANTAI_VAR"] = str(_folder / "var")
config.FILES_DIR = _folder

from quantai_site.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
