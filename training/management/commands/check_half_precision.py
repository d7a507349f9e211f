"""``manage check_half_precision FILE``: fp16 and the scale on one's own candles."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import QuantaiError
from training import half_precision
from training.engine.config import LossConfig
from training.engine.scaler import DynamicGradScalerConfig


class Command(BaseCommand):
    help = (
        "Train a tiny Informer on a candle file with fp16 autocast and a GradScaler on "
        "the CPU, growth accelerated, and say what the scale did. Slow: CPUs have no "
        "fp16 arithmetic of their own."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--steps", type=int, default=1_000)
        parser.add_argument("--loss", default="gmadl_normalised")
        parser.add_argument("--growth-interval", type=int, default=50)
        parser.add_argument("--growth-factor", type=float, default=4.0)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            story = half_precision.run(
                options["file"],
                steps=options["steps"],
                loss=LossConfig(options["loss"]),
                scaler=DynamicGradScalerConfig(
                    growth_interval=options["growth_interval"],
                    growth_factor=options["growth_factor"],
                ),
            )
        except QuantaiError as error:
            raise CommandError(str(error)) from error
        marks = ", ".join(f"{name} {count}" for name, count in story.kinds.items())
        self.stdout.write(
            f"{options['file'].name}: {story.steps} steps, {story.skipped} skipped, "
            f"scale {story.least:g} to {story.most:g}, weights that are no numbers: "
            f"{story.nonfinite}; marks: {marks or 'none'}; training loss "
            f"{story.losses[0]:.6f} to {story.losses[-1]:.6f}"
        )
