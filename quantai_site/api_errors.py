"""Errors of the REST interface: always ``{"code", "message", "details"}``."""

import logging
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError, ValidationErrorContext

from core.errors import (
    Conflict,
    InvalidInput,
    Permanent,
    Retryable,
    echoed,
    shortened,
)

logger = logging.getLogger(__name__)
PREFIX = "/api/"
# Characters of a message that may repeat what was asked.
MESSAGE = 500
CODES = {
    400: "bad_request",
    401: "not_authenticated",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    422: "invalid_input",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}
Details = list[dict[str, Any]]
Handler = Callable[[HttpRequest], Any]


def error_body(
    status: int, message: str = "", details: Details | None = None, *, code: str = ""
) -> dict[str, Any]:
    """The one shape of an error."""
    return {
        "code": code or CODES.get(status, "error"),
        "message": message or HTTPStatus(status).phrase,
        "details": details or [],
    }


def validation_error(contexts: list[ValidationErrorContext[Any]]) -> ValidationError:
    """Details name field, value and rule for every input that breaks one."""
    details = [
        {
            "field": shortened(".".join(map(str, _asked(context, item["loc"]))))
            or "body",
            "value": echoed(item["input"]) if _is_plain(item["input"]) else None,
            "rule": shortened(item["msg"].removeprefix("Value error, "), MESSAGE),
        }
        for context in contexts
        for item in context.pydantic_validation_error.errors(include_url=False)
    ]
    return ValidationError(details)


def _asked(
    context: ValidationErrorContext[Any], place: tuple[int | str, ...]
) -> tuple[int | str, ...]:
    """Where the asker put it: parameters that are one class to us are many to them."""
    names = getattr(context.model, "__ninja_flatten_map_reverse__", {})
    return tuple(names.get(place, place))


def register(api: NinjaAPI) -> None:
    """Give the interface a handler for every kind of error."""

    def answer(
        request: HttpRequest,
        status: int,
        message: str,
        details: Details | None = None,
        code: str = "",
    ) -> HttpResponse:
        body = error_body(status, message, details, code=code)
        return api.create_response(request, body, status=status)

    @api.exception_handler(ValidationError)
    def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return answer(request, 422, "The request is not valid.", error.errors)

    @api.exception_handler(InvalidInput)
    def _refused(request: HttpRequest, error: InvalidInput) -> HttpResponse:
        status = 409 if isinstance(error, Conflict) else 422
        return answer(request, status, str(error), [error.told()])

    @api.exception_handler(HttpError)
    def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
        # "no_data: nobody looks at it" carries a code of its own.
        named = re.fullmatch(r"([a-z_]+): (.+)", error.message, re.DOTALL)
        code, message = named.groups() if named else ("", error.message)
        return answer(
            request, error.status_code, shortened(message, MESSAGE), code=code
        )

    @api.exception_handler(Http404)
    def _missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return answer(request, 404, "Not found.")

    @api.exception_handler(Retryable)
    def _later(request: HttpRequest, error: Retryable) -> HttpResponse:
        return answer(request, 503, str(error) or "Try again later.")

    @api.exception_handler(Permanent)
    def _never(request: HttpRequest, error: Permanent) -> HttpResponse:
        return answer(request, 409, str(error))

    @api.exception_handler(DataError)
    def _unfit(request: HttpRequest, error: DataError) -> HttpResponse:
        # PostgreSQL takes no NUL and no number beyond its types.
        logger.warning("%s %s: %s", request.method, request.path, error)
        return answer(request, 422, "The database refuses a value of this request.")

    @api.exception_handler(Exception)
    def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
        return answer(request, 500, "The server failed; its log says why.")


@sync_and_async_middleware
def api_errors(get_response: Handler) -> Handler:
    """Middleware: errors made outside the interface (unknown path, wrong method)."""
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            coming: Awaitable[HttpResponseBase] = get_response(request)
            return _as_json(request, await coming)

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        return _as_json(request, get_response(request))

    return synchronous


def _as_json(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    failed = response.status_code >= HTTPStatus.BAD_REQUEST
    said = response.headers.get("Content-Type", "")
    if not failed or not request.path.startswith(PREFIX) or "json" in said:
        return response
    answer = JsonResponse(error_body(response.status_code), status=response.status_code)
    if "Allow" in response.headers:
        answer["Allow"] = response.headers["Allow"]
    return answer


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int, float, bool)) or value is None
