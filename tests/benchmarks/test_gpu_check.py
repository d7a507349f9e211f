"""The check of a GPU, where there may be none."""

import subprocess
import sys

import pytest
import torch

from benchmarks import gpu_check
from tests.flows.running import ROOT


def test_without_a_gpu_it_says_so_and_checks_nothing():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    found = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu_check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 2
    assert found.stderr == "no CUDA device: nothing was checked\n"


def test_it_needs_torch_and_numpy_alone():
    code = (
        "import sys, benchmarks.gpu_check; "
        "print([one for one in ('django', 'celery', 'optuna', 'talib', 'pandas') "
        "if one in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"


def test_a_run_takes_steps_on_whatever_device():
    splits = gpu_check.splits_on("cpu")
    run = gpu_check.run_of(splits, "fp32", "cpu", width=8)
    run._step(torch.arange(4))
    assert run.scaling.steps_taken == 1
