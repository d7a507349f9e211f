#!/usr/bin/env python
"""Django's command line, with QuantAI's settings."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantai_site.settings")
    if sys.argv[1:2] == ["up"]:
        # Flags are settings too and must be known before Django reads them.
        from quantai_site.config import flag_environment

        os.environ.update(flag_environment(sys.argv[2:]))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
