"""Exchange accounts and their groups in Django's admin; services do the writing."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.html import format_html_join
from django.utils.timesince import timesince
from django.views.decorators.debug import sensitive_post_parameters

from accounts import account_services, intents
from accounts.admin.forms import SECRETS, AccountForm, GroupForm
from accounts.api_parts import venue as own_venue
from accounts.intent_documents import ClosePosition
from accounts.key_check import keys_check
from accounts.messages import decision
from accounts.models import AccountGroup, ExchangeAccount, Position
from core import audit
from core.errors import QuantaiError
from core.told import told
from market.binance.rest_errors import RestError

if TYPE_CHECKING:
    AccountAdminBase = admin.ModelAdmin[ExchangeAccount]
    GroupAdminBase = admin.ModelAdmin[AccountGroup]
    Accounts = QuerySet[ExchangeAccount]
else:
    AccountAdminBase = GroupAdminBase = admin.ModelAdmin
    Accounts = QuerySet

CLOSE_PAGE = "admin/accounts/exchangeaccount/close_positions.html"


def actor(request: HttpRequest) -> str:
    """Return the name of who does it."""
    return request.user.get_username()


class ThroughServices:
    """A refusal of a service, or a master key that does not fit, is told as a message."""

    @method_decorator(sensitive_post_parameters(*SECRETS))
    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **options)  # type: ignore[misc]
        except QuantaiError as error:
            messages.error(request, told(str(error)))
            return HttpResponseRedirect(request.path)

    def delete_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        try:
            return super().delete_view(request, *args, **options)  # type: ignore[misc]
        except QuantaiError as error:
            messages.error(request, told(str(error)))
            return HttpResponseRedirect("..")

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        with transaction.atomic():
            for row in queryset:
                self.delete_model(request, row)  # type: ignore[attr-defined]


class KeyFilter(admin.SimpleListFilter):
    """By what is known of the key."""

    title = "key"
    parameter_name = "key"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("none", "none"),
            ("unchecked", "not checked"),
            ("passed", "passed"),
            ("failed", "failed"),
        ]

    def queryset(self, request: HttpRequest, queryset: Accounts) -> Accounts:
        value = self.value()
        if value == "none":
            return queryset.filter(api_key_cipher="")
        with_key = queryset.exclude(api_key_cipher="")
        if value == "unchecked":
            return with_key.filter(key_checked_at=None)
        if value in ("passed", "failed"):
            return with_key.filter(key_check__passed=value == "passed")
        return queryset


@admin.register(ExchangeAccount)
class ExchangeAccountAdmin(ThroughServices, AccountAdminBase):
    """Accounts: search, filters, keys that are written and never read, bulk actions."""

    form = AccountForm
    list_display = (
        *("name", "venue", "account_type", "group", "weight", "mode", "badge"),
        *("enabled", "live_enabled", "key"),
    )
    list_filter = (
        *("venue", "mode", "enabled", "live_enabled", "account_type", "group"),
        KeyFilter,
    )
    list_select_related = ("group",)
    search_fields = ("name", "group__name", "account_type", "key_hint")
    actions = ("enable", "disable", "close_positions", "check_keys")
    readonly_fields = ("key", "verdict", "where_orders_go")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("venue", "name", "account_type", "group", "weight", "enabled"),
                    *("mode", "live_enabled", "where_orders_go"),
                    *("position_mode", "starting_balance"),
                )
            },
        ),
        ("Key", {"fields": ("key", "verdict", *SECRETS, "forget_key")}),
    )

    # -- what is shown ------------------------------------------------------------

    @admin.display(description="badge")
    def badge(self, account: ExchangeAccount) -> str:
        return decision(account).badge

    @admin.display(description="orders go to")
    def where_orders_go(self, account: ExchangeAccount) -> str:
        if account._state.adding:
            return "–"
        way = decision(account)
        return f"{way.badge}: {told(way.reason or way.way)}"

    @admin.display(description="stored key", ordering="key_checked_at")
    def key(self, account: ExchangeAccount) -> str:
        if not account.api_key_cipher:
            return told("none")
        if account.key_checked_at is None:
            return told(f"{account.key_hint}, not checked")
        then = datetime.fromtimestamp(account.key_checked_at / 1000, tz=UTC)
        word = "passed" if account.key_check.get("passed") else "failed"
        return told(f"{account.key_hint}, {word} {timesince(then)} ago")

    @admin.display(description="last check")
    def verdict(self, account: ExchangeAccount) -> str:
        findings = account.key_check.get("findings", ())
        rows = ((told(one["level"]), told(one["text"])) for one in findings)
        return format_html_join("", "<div>{}: {}</div>", rows) or "–"

    def get_readonly_fields(
        self, request: HttpRequest, obj: ExchangeAccount | None = None
    ) -> tuple[str, ...]:
        return (*self.readonly_fields, *(() if obj is None else ("venue",)))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"venue": own_venue(), **super().get_changeform_initial_data(request)}

    # -- writes ---------------------------------------------------------------------

    def save_model(
        self, request: HttpRequest, obj: ExchangeAccount, form: Any, change: Any
    ) -> None:
        given = form.cleaned_data
        who = actor(request)
        if change:
            fields = [f for f in form.changed_data if f in account_services.CHANGEABLE]
            account_services.account_update(
                obj, actor=who, **{field: given[field] for field in fields}
            )
        else:
            fields = [f for f in account_services.CHANGEABLE if f in given]
            made = account_services.account_create(
                actor=who,
                venue=given["venue"],
                **{field: given[field] for field in fields},
            )
            obj.pk = made.pk
        if form.secrets:
            account_services.keys_set(obj, actor=who, **form.secrets)
        elif given.get("forget_key"):
            account_services.keys_clear(obj, actor=who)
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: ExchangeAccount) -> None:
        account_services.account_delete(obj, actor=actor(request))

    # -- many at once ---------------------------------------------------------------

    @admin.action(permissions=["change"], description="Enable selected accounts")
    def enable(self, request: HttpRequest, queryset: Accounts) -> None:
        self._enable(request, queryset, enabled=True)

    @admin.action(permissions=["change"], description="Disable selected accounts")
    def disable(self, request: HttpRequest, queryset: Accounts) -> None:
        self._enable(request, queryset, enabled=False)

    def _enable(
        self, request: HttpRequest, queryset: Accounts, *, enabled: bool
    ) -> None:
        changed = account_services.accounts_enable(
            queryset, enabled=enabled, actor=actor(request)
        )
        word = "enabled" if enabled else "disabled"
        names = ", ".join(one.name for one in changed) or "none: all were so already"
        messages.success(request, told(f"{word}: {names}"))

    @admin.action(permissions=["change"], description="Close positions of selected …")
    def close_positions(
        self, request: HttpRequest, queryset: Accounts
    ) -> HttpResponse | None:
        """Ask the trader to close all positions at the market, once confirmed."""
        here = queryset.filter(venue=own_venue())
        names = tuple(here.values_list("name", flat=True))
        if not names:
            messages.error(request, told(f"no selected account is on {own_venue()}"))
            return None
        if "confirmed" not in request.POST:
            return self._ask_whether_to_close(request, here)
        try:
            intent = self._submit_close(request, names)
        except QuantaiError as error:
            messages.error(request, told(str(error)))
        else:
            text = f"the trader was asked to close all positions of {', '.join(names)}"
            messages.success(request, told(f"{text} (intent {intent})"))
        return None

    @transaction.atomic
    def _submit_close(self, request: HttpRequest, names: tuple[str, ...]) -> str:
        intent = intents.intent_submit(
            payload=ClosePosition(accounts=names), actor=actor(request), source="admin"
        )
        audit.record(
            actor(request),
            "positions.close",
            f"accounts {', '.join(names)}",
            None,
            {"intent": str(intent.id)},
        )
        return str(intent.id)

    def _ask_whether_to_close(
        self, request: HttpRequest, accounts: Accounts
    ) -> HttpResponse:
        held = Position.objects.filter(account__in=accounts).select_related("account")
        context = {
            **self.admin_site.each_context(request),
            "title": "Close positions",
            "opts": self.model._meta,
            "accounts": accounts,
            "positions": [one for one in held if one.quantity],
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, CLOSE_PAGE, context)

    @admin.action(permissions=["change"], description="Check keys of selected accounts")
    def check_keys(self, request: HttpRequest, queryset: Accounts) -> None:
        """Ask the exchange what the keys may do; see ``accounts.key_check``."""
        here = list(queryset.filter(venue=own_venue()))
        try:
            found = async_to_sync(keys_check)(
                here, venue=own_venue(), actor=actor(request)
            )
        except (RestError, ValueError) as error:
            messages.error(request, told(str(error)))
            return
        for one in found:
            if one.verdict is None:
                messages.warning(request, told(f"{one.account}: {one.problem}"))
            elif one.verdict.passed:
                messages.success(request, told(f"{one.account}: passed"))
            else:
                bad = "; ".join(
                    each.text for each in one.verdict.findings if each.level != "ok"
                )
                messages.error(request, told(f"{one.account}: {bad}"))
        if not found:
            text = f"no selected account on {own_venue()} has a key"
            messages.warning(request, told(text))


@admin.register(AccountGroup)
class AccountGroupAdmin(ThroughServices, GroupAdminBase):
    """Groups and how many accounts are in them."""

    form = GroupForm
    list_display = ("name", "description", "accounts")
    search_fields = ("name", "description")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(n=Count("exchangeaccount"))

    @admin.display(description="accounts", ordering="n")
    def accounts(self, group: Any) -> int:
        return int(group.n)

    def save_model(
        self, request: HttpRequest, obj: AccountGroup, form: Any, change: Any
    ) -> None:
        given = {name: form.cleaned_data[name] for name in ("name", "description")}
        if change:
            account_services.group_update(obj, actor=actor(request), **given)
        else:
            obj.pk = account_services.group_create(actor=actor(request), **given).pk

    def delete_model(self, request: HttpRequest, obj: AccountGroup) -> None:
        account_services.group_delete(obj, actor=actor(request))
