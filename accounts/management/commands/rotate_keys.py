"""``rotate_keys``: encrypt every secret of every account under a new master key."""

import getpass
from typing import Any

from cryptography.fernet import Fernet
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.key_rotation import keys_rotate
from accounts.keys import VARIABLE, MasterKeyProblem


class Command(BaseCommand):
    help = "Encrypt every stored secret under the newest master key; accounts go on."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--new-key",
            action="store_true",
            help=f"only print a key to put first in {VARIABLE}; it is shown once",
        )

    def handle(self, *, new_key: bool, **options: Any) -> None:
        if new_key:
            self.stdout.write(Fernet.generate_key().decode())
            return
        try:
            done = keys_rotate(actor=f"{getpass.getuser()} (command line)")
        except MasterKeyProblem as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{done.secrets} secrets of {done.accounts} accounts are encrypted under "
            f"the newest key of {done.source}"
        )
        if done.spare:
            self.stdout.write(
                f"the other {done.spare} in {VARIABLE} are not needed any more"
            )
