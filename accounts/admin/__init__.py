"""Django's admin of people, tokens, groups, exchange accounts and what they did."""

from accounts.admin import exchange_accounts, people, records

__all__ = ["exchange_accounts", "people", "records"]
