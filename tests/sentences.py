"""What the server may write in English, read from its source.

``written`` finds every sentence that the program's code hands to whoever tells people: the
rule of a refusal, the reason of an event, the cause of a gap. An f-string gives one text
with ``7`` for each value; a name stands for what the function, or the module, sets it to.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

from tests.flows.running import ROOT

FLOORS = ("core", "market", "risk", "training", "accounts", "quantai_site")
VALUE = "7"
# Called → which argument is the sentence: its place, or its name.
CALLS: dict[str, tuple[int | str, ...]] = {
    **dict.fromkeys(("InvalidInput", "Conflict", "InvalidBars"), (2,)),
    "Reason": (1,),
    "Finding": (2, "text", "rule"),
    "Refusal": (1,),
    "Ended": (3,),
    "OrderNeverSent": (1,),
    "AccountResult": (2, "message"),
    "IntentResult": (0, "message"),
    "Outcome": (3, "message"),
    "Decision": (2, "reason"),
    "Answer": ("refusal",),
    "Checked": ("problem",),
    "Market": (2, "problem"),
    "HttpError": (1,),
    "ApiError": (1,),
    "Hold": (2, "reason"),
    "AuthorizationError": ("message",),
    "Stop": (1,),
    "TrialEnded": (1,),
    "_study_end": (2,),
    "study_fail": ("reason",),
    "_needs_risk": (1,),
    "alert_raise": ("title", "text", "advice"),
    "_report": (1, "advice"),
    "tell": (2,),
    "_tell": (1, 2),
    "stop": (0,),
    "_cover": (1,),
    "_end_where": (3,),
    "all_cancelled": (3,),
    "add_error": (1,),
    "__init__": (0,),
    "_renew": (0,),
    "given_up": (0,),
    "key_lost": (0,),
    "silent": (0,),
    "not_understood": (0,),
    "up": (0,),
    "gaps_open": ("cause",),
    "opened": (1, "cause"),
    "add": (3,),
    "add_all": (4,),
    "error_body": (1,),
    "answer": (2,),
}
# Raised → its first argument is the sentence.
ERRORS = (
    *("Permanent", "Retryable", "BusUnavailable", "TraderAbsent", "FileProblem"),
    *(
        "TooLittleError",
        "TooFewBarsError",
        "Unfit",
        "ValidationError",
        "ConnectionError",
    ),
    *("BadKey", "MasterKeyProblem", "NoKey", "OrdersThrottled"),
    *("GatewayRefused", "GatewayUnavailable", "JournalUnavailable"),
    *("PongMissing", "StreamsSilent", "ListenKeyLost", "ReconnectAsked"),
    *("RestError", "RestUnavailable", "RestGarbled", "RestRefused"),
    *("TrialPruned", "NonFiniteLoss", "OutOfMemory", "ScaleFloorReached"),
)
CALLS |= dict.fromkeys(ERRORS, (0,))
# Lists that collect sentences.
LISTS = ("problems", "notes")
# Constants, variables and arguments by name that hold one.
NAMES = frozenset(
    (
        *("NOBODY", "NOTHING", "PERHAPS", "NO_JOURNAL", "UNFOLLOWED", "FOUND"),
        *("ADVICE", "RAISED", "_EXPIRED", "KEY_RULE", "advice", "reason", "blocked"),
        *("problem", "cause", "note", "rule"),
    )
)
# Keys of answers.
KEYS = ("message", "result", "says")
ONLY_HERE = {"market/upkeep.py": "_cause", "accounts/admin/forms.py": "help_text"}
# Functions that return, or yield, sentences.
ASKED = frozenset(
    (
        *("_why_not", "_why_not_again", "_why", "stop_wanted", "expiry_of", "_other"),
        *("_carry_out", "_refusal", "_problems", "_settings", "summary", "describe"),
        *("overflow", "growth", "halving", "above_max", "reset", "floor", "_unwind"),
        *("_close_again", "_notes", "texts", "shut"),
    )
)
# What no page shows: other programs' side, command lines, arrays that only code makes.
UNSEEN = (
    *(
        "market/simulator/",
        "market/indicators/",
        "market/replay_pages",
        "market/ingest",
    ),
    *("market/history_import", "core/audit", "accounts/multi_account"),
    *("quantai_site/doctor/", "quantai_site/supervision/", "quantai_site/config"),
    *("quantai_site/audit", "training/engine/etth1", "training/engine/older_weights"),
    *(
        "training/engine/saved",
        "training/engine/checkpoints",
        "training/engine/strategy",
    ),
    *("training/engine/evaluate", "training/engine/validation"),
)
# Save what the exchange that we simulate says of orders and keys.
SEEN = ("market/simulator/accounts/", "market/simulator/errors")


def written() -> dict[str, str]:
    """Return every sentence with the first place that writes it."""
    found: dict[str, str] = {}
    for path in _sources():
        module = Module(path)
        place = path.relative_to(ROOT)
        for line, text in module.sentences():
            found.setdefault(text, f"{place}:{line}")
    return found


def _sources() -> Iterator[Path]:
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            place = str(path.relative_to(ROOT))
            seen = place.startswith(SEEN) or not place.startswith(UNSEEN)
            if seen and not {"management", "migrations"} & set(path.parts):
                yield path


class Module:
    """One file: its sentences, and what its names stand for."""

    def __init__(self, path: Path) -> None:
        more = ONLY_HERE.get(str(path.relative_to(ROOT)))
        self._variables = NAMES | frozenset([more] if more else ())
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._scopes = [
            one
            for one in ast.walk(self._tree)
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        self._functions = {one.name: one for one in self._scopes}
        self._busy: set[str] = set()

    def sentences(self) -> Iterator[tuple[int, str]]:
        """Yield line and text."""
        for scope in (self._tree, *self._scopes):
            expressions = [
                each for node in _inside(scope) for each in _told(node, self._variables)
            ]
            if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
                expressions += _defaults(scope, self._variables)
                expressions += _returned(scope) if scope.name in ASKED else ()
            for one in expressions:
                for text in self.texts(one, scope):
                    if " " in text and re.search("[a-z]{2}", text):
                        yield one.lineno, text

    def texts(self, node: ast.expr, scope: ast.AST) -> list[str]:
        """Return what the expression may be, ``VALUE`` for what is only known later."""
        match node:
            case ast.Constant(str() as text):
                return [text]
            case ast.JoinedStr():
                parts = [self._part(one, scope) for one in node.values]
                return ["".join(each) for each in product(*parts)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                sides = product(self.texts(left, scope), self.texts(right, scope))
                return [first + second for first, second in sides]
            case ast.Name(id=name):
                return self._named(name, scope)
            case ast.Call():
                return self._called(node, scope)
        return self._one_of(node, scope) or [VALUE]

    def _one_of(self, node: ast.expr, scope: ast.AST) -> list[str]:
        """Return what any of several expressions may be."""
        several: list[ast.expr] = []
        match node:
            case ast.IfExp(body=body, orelse=other) | ast.BinOp(left=body, right=other):
                several = [body, other]
            case ast.BoolOp(values=values) | ast.Dict(values=values):
                several = values
            case ast.Tuple(elts=values) | ast.List(elts=values):
                several = values
            case ast.ListComp(elt=value) | ast.Subscript(value=value):
                several = [value]
        return [text for one in several for text in self.texts(one, scope)]

    def _called(self, node: ast.Call, scope: ast.AST) -> list[str]:
        match node.func:
            case ast.Name(id=name) if name in self._functions:
                return self._answers(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self._answers(name) if name in self._functions else [VALUE]
            case ast.Attribute(value=ast.Name(id=name), attr="get"):
                others = [
                    text for one in node.args[1:] for text in self.texts(one, scope)
                ]
                return [*self._named(name, scope), *others]
            case ast.Attribute(
                value=text, attr="removesuffix" | "rstrip" | "splitlines"
            ):
                return self.texts(text, scope)
            case ast.Attribute(value=text, attr="format"):
                return [one.replace("{}", VALUE) for one in self.texts(text, scope)]
            case ast.Attribute(attr="fromkeys"):
                return self.texts(node.args[1], scope)
        return [VALUE]

    def _part(self, node: ast.expr, scope: ast.AST) -> list[str]:
        if isinstance(node, ast.FormattedValue):
            quote = "'" if node.conversion == ord("r") else ""
            return [f"{quote}{text}{quote}" for text in self.texts(node.value, scope)]
        return self.texts(node, scope)

    def _named(self, name: str, scope: ast.AST) -> list[str]:
        if name in self._busy:
            return [VALUE]
        self._busy.add(name)
        try:
            given = [
                text
                for place in (scope, self._tree)
                for value in _assigned(name, place)
                for text in self.texts(value, scope)
            ]
        finally:
            self._busy.discard(name)
        return list(dict.fromkeys(given)) or [VALUE]

    def _answers(self, name: str) -> list[str]:
        if name in self._busy:
            return [VALUE]
        self._busy.add(name)
        function = self._functions[name]
        values = [
            text for one in _returned(function) for text in self.texts(one, function)
        ]
        self._busy.discard(name)
        return list(dict.fromkeys(values)) or [VALUE]


def _returned(function: ast.AST) -> Iterator[ast.expr]:
    for node in _inside(function):
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            yield node.value


def _defaults(
    function: ast.FunctionDef | ast.AsyncFunctionDef, variables: frozenset[str]
) -> Iterator[ast.expr]:
    """Yield the defaults of parameters that hold sentences."""
    known = function.args
    pairs = [
        *zip(reversed(known.args), reversed(known.defaults), strict=False),
        *zip(known.kwonlyargs, known.kw_defaults, strict=True),
    ]
    yield from (
        value for one, value in pairs if value is not None and one.arg in variables
    )


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function, or of a module, without those of functions in it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _inside(child)


def _assigned(name: str, scope: ast.AST) -> Iterator[ast.expr]:
    # Of a module only what stands there itself: fields of its classes are not its names.
    inside = scope.body if isinstance(scope, ast.Module) else _inside(scope)
    for node in inside:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from _given(name, target, value)
            case ast.AnnAssign(target=ast.Name(id=known), value=ast.expr() as value):
                if known == name:
                    yield value


def _given(name: str, target: ast.expr, value: ast.expr) -> Iterator[ast.expr]:
    if _name_of(target) == name:
        yield value
    match target, value:
        case ast.Tuple(elts=targets), ast.Tuple(elts=values):
            for one, its in zip(targets, values, strict=False):
                yield from _given(name, one, its)


def _told(node: ast.AST, variables: frozenset[str]) -> Iterator[ast.expr]:
    """Yield the expressions of a node that people read."""
    match node:
        case ast.Call():
            yield from _arguments(node, variables)
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and key.value in KEYS:
                    yield value
        case ast.AugAssign(target=target, value=value) if _name_of(target) in LISTS:
            yield value
        case ast.Assign(targets=targets, value=value):
            for name, goal in product(variables, targets):
                yield from _given(name, goal, value)


def _arguments(node: ast.Call, variables: frozenset[str]) -> Iterator[ast.expr]:
    places = CALLS.get(_name_of(node.func), ())
    match node.func:
        case ast.Name(id="told"):
            places = (0,)
        case ast.Attribute(value=kept, attr="append") if _name_of(kept) in LISTS:
            places = (0,)
    for place in places:
        if isinstance(place, int) and place < len(node.args):
            yield node.args[place]
    for one in node.keywords:
        if one.arg in places or one.arg in variables:
            yield one.value


def _name_of(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


@cache
def all_written() -> dict[str, str]:
    """Return ``written``, read once."""
    return written()
