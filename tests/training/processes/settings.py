"""The product's settings with trials that only sleep; everything else is real."""

from quantai_site.settings import *  # noqa: F403

TRIAL_COMMAND = ("-m", "tests.training.processes.sleeping_trial")
