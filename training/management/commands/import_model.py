"""``manage import_model FILE.pt``: weights of an older model become a version."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.errors import InvalidInput
from training import versions
from training.engine.config import WindowConfig


class Command(BaseCommand):
    help = (
        "Keep the state dict of an older model as a version. Sizes are read from the "
        "weights; windows and heads must be told. Nothing in the file is run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--name", help="name of the version; the file's by default")
        parser.add_argument("--seq-len", type=int, default=96)
        parser.add_argument("--label-len", type=int, default=48)
        parser.add_argument("--pred-len", type=int, default=24)
        parser.add_argument("--heads", type=int, default=8)
        parser.add_argument("--columns", default="", help="names, comma separated")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        columns = tuple(one for one in options["columns"].split(",") if one)
        try:
            made = versions.version_import(
                venue=settings.QUANTAI.site.exchange,
                name=options["name"] or path.stem,
                path=path,
                window=WindowConfig(
                    options["seq_len"], options["label_len"], options["pred_len"]
                ),
                heads=options["heads"],
                columns=columns,
                actor="command",
            )
        except InvalidInput as error:
            raise CommandError(str(error)) from error
        model = made.config["model"]
        self.stdout.write(
            f"version {made.name}: {made.size_bytes:,} bytes, d_model "
            f"{model['d_model']}, {model['encoder_layers']} encoder and "
            f"{model['decoder_layers']} decoder layers, SHA-256 {made.sha256[:12]}…"
        )
