"""Client order ids: the same intent gives the same ids, whoever sends them. Pure.

``qINTENT-ACCOUNT`` and, for further orders of the intent on the account, ``.N``; in base
36, at most the 36 characters that an exchange takes. An attempt that arrived already is
so refused by the exchange as a duplicate instead of being executed twice.
"""

import re
import uuid

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
OURS = re.compile(r"^q[0-9a-z]{1,25}-[0-9a-z]{1,5}(\.[0-9a-z]{1,3})?$")


def client_id(intent: uuid.UUID, account: int, number: int = 0) -> str:
    """Return the id of the intent's order ``number`` on an account (its row's id)."""
    tail = f".{_base36(number)}" if number else ""
    return f"q{_base36(intent.int)}-{_base36(account)}{tail}"


def is_ours(text: str) -> bool:
    """Whether this is an id that we give."""
    return bool(OURS.match(text))


def _base36(number: int) -> str:
    found = ""
    while number:
        number, digit = divmod(number, 36)
        found = DIGITS[digit] + found
    return found or "0"
