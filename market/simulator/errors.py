"""Errors of the simulator.

SimulatorError
└── ApiError      an answer with the exchange's own error code
"""


class SimulatorError(Exception):
    """The simulator cannot start as asked."""


class ApiError(SimulatorError):
    """Answered as ``{"code", "msg"}`` with the HTTP status."""

    def __init__(
        self, code: int, message: str, *, status: int = 400, retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after


def bad_symbol() -> ApiError:
    return ApiError(-1121, "Invalid symbol.")


def missing(name: str) -> ApiError:
    return ApiError(
        -1102,
        f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
    )


def illegal(name: str, legal: str) -> ApiError:
    return ApiError(
        -1100,
        f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.",
    )


def out_of_range(name: str) -> ApiError:
    return ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")
