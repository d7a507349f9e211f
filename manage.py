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

    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        # Asked for, so no traceback; 128 + SIGINT, as shells say it.
        sys.stderr.write("\ninterrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
