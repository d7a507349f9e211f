"""Forms of the admin: what breaks a rule is named, secrets go in and never out."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.widgets import PasswordInput, Textarea
from pydantic import SecretStr

from accounts import account_rules
from accounts.account_services import check_secrets
from accounts.models import AccountGroup, ExchangeAccount
from core.errors import InvalidInput
from core.logs import MASK
from core.told import field_name, told

if TYPE_CHECKING:
    AccountFormBase = forms.ModelForm[ExchangeAccount]
    GroupFormBase = forms.ModelForm[AccountGroup]
else:
    AccountFormBase = GroupFormBase = forms.ModelForm

SECRETS = ("api_key", "api_secret", "passphrase")


class WriteOnlyTextarea(Textarea):
    """Takes several lines and never shows what was given."""

    def format_value(self, value: Any) -> str:
        return ""


class NamingErrors(forms.BaseForm):
    """Says field, value and rule in every error of a field, in the page's language."""

    _errors: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, field in self.fields.items():
            if (label := field_name(name)) != name:
                field.label = label
            field.help_text = told(str(field.help_text))

    def full_clean(self) -> None:
        super().full_clean()
        for name, errors in list((self._errors or {}).items()):
            value = MASK if name in SECRETS else self.data.get(self.add_prefix(name))
            self._errors[name] = self.error_class(
                [
                    _named(name, value, str(message))
                    if name in self.fields
                    else told(str(message))
                    for message in errors
                ]
            )


def _named(name: str, value: object, message: str) -> str:
    named = message.startswith(f"{name}: ")
    return told(message if named else str(InvalidInput(name, value, message)))


class AccountForm(NamingErrors, AccountFormBase):
    """An account; the three secrets are stored together or stay as they are."""

    api_key = forms.CharField(
        required=False,
        widget=PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Never shown again. Leave all three empty to keep what is stored.",
    )
    api_secret = forms.CharField(
        required=False,
        strip=False,
        widget=WriteOnlyTextarea(attrs={"rows": 3, "autocomplete": "off"}),
        help_text="An HMAC secret, or a PEM private key (RSA, Ed25519).",
    )
    passphrase = forms.CharField(
        required=False,
        strip=False,
        widget=PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Of a private key that has one.",
    )
    forget_key = forms.BooleanField(
        required=False, help_text="Remove the stored key from this account."
    )

    class Meta:
        model = ExchangeAccount
        fields = (
            *("venue", "name", "account_type", "group", "weight", "mode"),
            *("enabled", "live_enabled", "position_mode", "starting_balance"),
        )

    @property
    def secrets(self) -> dict[str, SecretStr]:
        """What was given, as ``keys_set`` takes it; empty when nothing was."""
        given = {name: self.cleaned_data.get(name) or "" for name in SECRETS}
        if not any(given.values()):
            return {}
        return {name: SecretStr(text) for name, text in given.items()}

    def clean(self) -> dict[str, Any] | None:
        super().clean()
        secrets = self.secrets
        if secrets and self.cleaned_data.get("forget_key"):
            self.add_error("forget_key", "not together with a new key")
        elif secrets:
            try:
                check_secrets(**secrets)
            except InvalidInput as problem:
                self.add_error(problem.field, str(problem))
        return self.cleaned_data

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        account: ExchangeAccount = self.instance
        stored = None
        if account.pk is not None:
            stored = ExchangeAccount.objects.get(pk=account.pk)
        for problem in account_rules.problems(account, stored):
            field = problem.field if problem.field in self.fields else None
            self.add_error(field, str(problem))

    def validate_constraints(self) -> None:
        """A name that is taken is one of ``account_rules``."""


class GroupForm(NamingErrors, GroupFormBase):
    """A group of accounts."""

    class Meta:
        model = AccountGroup
        fields = ("name", "description")
