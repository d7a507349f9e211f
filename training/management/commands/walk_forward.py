"""``manage walk_forward``: what a model would have earned, window after window."""

import dataclasses
import statistics
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.errors import QuantaiError
from market.domain.candles import INTERVAL_MS
from training import walk
from training.engine.config import LossConfig, ModelConfig, TrainConfig, WindowConfig
from training.study_spec import StudySpec

HEAD = "| strategy | value | ARC | ASD | IR* | IR** | max drawdown | turnover | long / short |"


class Command(BaseCommand):
    help = (
        "Learn on some months, choose thresholds on the last of them, judge the months "
        "that follow, walk on; fees paid, shorts booked as -r, over seeds, beside "
        "buy-and-hold, flat, sign and persistence."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--file", type=Path, help="candle file; else stored candles"
        )
        parser.add_argument("--symbol", default="BTCUSDT")
        parser.add_argument("--interval", default="1h")
        parser.add_argument("--model", default="informer")
        parser.add_argument("--loss", default="gmadl_normalised")
        parser.add_argument("--epochs", type=int, default=3)
        parser.add_argument("--seeds", type=int, default=3)
        parser.add_argument("--inside-days", type=float, default=730.0)
        parser.add_argument("--outside-days", type=float, default=182.5)
        parser.add_argument("--fee", type=float, default=0.001)
        parser.add_argument("--shuffle", action="store_true", help="mix the targets")
        parser.add_argument("--threads", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> None:
        import torch

        torch.set_num_threads(options["threads"])
        try:
            plan = walk.WalkPlan(
                inside_days=options["inside_days"],
                outside_days=options["outside_days"],
                seeds=options["seeds"],
                fee=options["fee"],
                shuffled=options["shuffle"],
            )
            found = list(
                walk.walk(
                    self._spec(options),
                    plan,
                    venue=settings.QUANTAI.site.exchange,
                    show=self._progress,
                )
            )
        except QuantaiError as error:
            raise CommandError(str(error)) from error
        self._table(found, plan, INTERVAL_MS[options["interval"]])

    def _spec(self, options: dict[str, Any]) -> StudySpec:
        return StudySpec(
            symbols=(options["symbol"],),
            interval=options["interval"],
            source=str(options["file"] or ""),
            window=WindowConfig(28, 14, 1),
            model=ModelConfig(
                kind=options["model"],
                d_model=16,
                n_heads=2,
                d_ff=32,
                encoder_layers=1,
                distil=False,
            ),
            train=TrainConfig(
                epochs=options["epochs"],
                batch_size=64,
                learning_rate=1e-3,
                patience=2,
                loss=LossConfig(options["loss"]),
            ),
        )

    def _progress(self, seed: int, window: int, of: int) -> None:
        self.stderr.write(f"seed {seed}: window {window} of {of}")

    def _table(
        self, found: list[walk.Walked], plan: walk.WalkPlan, step_ms: int
    ) -> None:
        first = found[0]
        what = "mixed targets, " if plan.shuffled else ""
        self.stdout.write(
            f"{what}{first.windows} windows of {plan.outside_days:g} days after "
            f"{plan.inside_days:g} days each, {first.reports['model'].bars:,} bars judged, "
            f"fee {plan.fee:.2%} a side"
        )
        self.stdout.write(f"{HEAD}\n|{'---|' * 9}")
        for walked in found:
            self._row(f"model, seed {walked.seed}", walked.reports["model"])
        for name in walk.STRATEGIES[1:]:
            self._row(name, first.reports[name])
        ratios = [one.reports["model"].ir for one in found]
        years = first.reports["model"].bars * step_ms / (365 * walk.DAY_MS)
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        self.stdout.write(
            f"IR* over seeds: mean {statistics.mean(ratios):.2f} ({spread}); the standard "
            f"error of an IR* over {years:.1f} years is about {years**-0.5:.2f}"
        )
        errors = {
            name: statistics.mean(one.errors[name] for one in found)
            for name in found[0].errors
        }
        self.stdout.write(
            "errors, mean over seeds: "
            + ", ".join(f"{name} {value:.6g}" for name, value in errors.items())
        )

    def _row(self, name: str, report: Any) -> None:
        one = dataclasses.asdict(report)
        self.stdout.write(
            f"| {name} | {one['final_value']:.3f} | {one['arc']:.1%} | {one['asd']:.1%} | "
            f"{one['ir']:.2f} | {one['ir2']:.2f} | {one['max_drawdown']:.1%} | "
            f"{one['turnover']:.0f} | {one['long_share']:.0%} / {one['short_share']:.0%} |"
        )
