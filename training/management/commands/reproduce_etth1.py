"""``manage reproduce_etth1``: our Informer on ETTh1 beside persistence and ridge."""

from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import InvalidInput

if TYPE_CHECKING:
    from training.engine.etth1 import Score
    from training.engine.results import EpochResult

USUAL = (
    Path(__file__).resolve().parents[4] / "shared" / "data" / "training" / "ETTh1.csv"
)


class Command(BaseCommand):
    help = (
        "Train the Informer on ETTh1 (univariate, 96 hours seen) and print its test "
        "errors beside persistence and ridge, over seeds."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", default=USUAL)
        parser.add_argument("--seeds", type=int, default=3)
        parser.add_argument("--epochs", type=int, default=4)
        parser.add_argument("--horizons", default="24,48,168", help="comma separated")
        parser.add_argument("--threads", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> None:
        import torch

        from training.engine import etth1

        if not options["file"].exists():
            raise CommandError(
                f"{options['file']} is not there; give the path of ETTh1.csv "
                "(ETDataset)"
            )
        for name in ("seeds", "epochs", "threads"):
            if options[name] < 1:
                raise CommandError(f"--{name} {options[name]}: must be 1 or more")
        torch.set_num_threads(options["threads"])
        try:
            horizons = tuple(int(one) for one in options["horizons"].split(","))
            series = etth1.read(options["file"])
            found = []
            for score in etth1.scores(
                series, horizons, options["seeds"], options["epochs"], self._epoch
            ):
                found.append(score)
                self._line(score)
        except (InvalidInput, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n| hours ahead | persistence | ridge | Informer, median |")
        self.stdout.write("|---|---|---|---|")
        for horizon in horizons:
            cells = [
                "{:.4f} / {:.3f}".format(*etth1.median(found, horizon, name))
                for name in ("persistence", "ridge", "informer")
            ]
            self.stdout.write(f"| {horizon} | {' | '.join(cells)} |")
        published = ", ".join(
            f"{hours}: {mse} / {mae}" for hours, (mse, mae) in etth1.PUBLISHED.items()
        )
        self.stdout.write(
            "MSE / MAE over every test window, in deviations of the training bars. "
            f"The paper's Informer (Zhou et al. 2021): {published}."
        )

    def _epoch(self, hours: int, model: str, seed: int, epoch: "EpochResult") -> None:
        self.stderr.write(
            f"{model} {hours} h, seed {seed}, epoch {epoch.epoch + 1}: validation "
            f"{epoch.validation_loss:.5f}, {epoch.seconds:.0f} s"
        )

    def _line(self, score: "Score") -> None:
        seed = "" if score.seed is None else f" seed {score.seed}"
        self.stdout.write(
            f"{score.model}{seed}, {score.horizon} h ahead: MSE {score.mse:.5f}, MAE "
            f"{score.mae:.4f} over {score.windows} windows, {score.seconds:.0f} s"
        )
