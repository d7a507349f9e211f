"""State dicts of older models: our own, and those of the published Informer.

The published layout (Informer2020, and the same names elsewhere) keeps query, key and
value apart and convolutions where we have Linears; here it is turned into ours.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from core.errors import InvalidInput
from training.engine.build import build_model
from training.engine.config import ModelConfig, Shape, WindowConfig
from training.engine.data import MARKS

SHOWN = 5


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the weights of a ``.pt`` file; nothing in it is run.

    Raises ``InvalidInput`` for anything but a state dict.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InvalidInput("file", str(path), str(error)) from error
    except Exception as error:
        # torch names what it will not unpickle in errors of several kinds.
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        rule = f"must be a plain state dict as torch.save writes it ({said})"
        raise InvalidInput("file", str(path), rule) from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not all(
        isinstance(value, Tensor) for value in found.values()
    ):
        raise InvalidInput("file", str(path), "holds no weights by name")
    return {name.removeprefix("module."): value for name, value in found.items()}


def model_of(
    state: Mapping[str, Tensor], *, window: WindowConfig, heads: int
) -> tuple[nn.Module, ModelConfig, Shape]:
    """Return the Informer that the weights fit, with them in it.

    Sizes are read from the weights; ``window`` and ``heads`` cannot be. Raises
    ``InvalidInput`` naming weights that are missing, left over or of another shape.
    """
    ours = turned(state) if is_published(state) else dict(state)
    config, shape = _sizes(ours, window, heads)
    model = build_model(config, shape)
    wanted = model.state_dict()
    missing = sorted(wanted.keys() - ours.keys())
    extra = sorted(ours.keys() - wanted.keys())
    unlike = [
        f"{name} {tuple(ours[name].shape)} for {tuple(wanted[name].shape)}"
        for name in sorted(wanted.keys() & ours.keys())
        if ours[name].shape != wanted[name].shape
    ]
    for names, what in ((missing, "missing"), (extra, "unknown"), (unlike, "shape")):
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            raise InvalidInput("weights", what, ", ".join(names[:SHOWN]) + more)
    model.load_state_dict(ours)
    return model, config, shape


def is_published(state: Mapping[str, Tensor]) -> bool:
    """Whether the names are those of the published Informer."""
    return any("value_embedding.tokenConv" in name for name in state)


def turned(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return published weights under our names and in our shapes."""
    found: dict[str, Tensor] = {}
    for side, name in (("enc", "encoder_input"), ("dec", "decoder_input")):
        prefix = f"{side}_embedding."
        kernel = _need(state, f"{prefix}value_embedding.tokenConv.weight")
        found[f"{name}.token.weight"] = torch.cat(kernel.unbind(-1), 1)
        bias = state.get(f"{prefix}value_embedding.tokenConv.bias")
        found[f"{name}.token.bias"] = torch.zeros(len(kernel)) if bias is None else bias
        found[f"{name}.time.weight"] = _need(
            state, f"{prefix}temporal_embedding.embed.weight"
        )
    for old, new in (("encoder.norm", "encoder.norm"), ("decoder.norm", "norm")):
        _copy(state, found, old, new)
    _copy(state, found, "projection", "projection")
    for number in _numbers(state, r"encoder\.attn_layers\.(\d+)\."):
        old, new = f"encoder.attn_layers.{number}", f"encoder.layers.{number}"
        _layer(state, found, old, new, {"attention": "attention"}, norms=2)
    for number in _numbers(state, r"encoder\.conv_layers\.(\d+)\."):
        old, new = f"encoder.conv_layers.{number}", f"encoder.distils.{number}"
        _copy(state, found, f"{old}.downConv", f"{new}.convolution")
        for name, value in state.items():
            if name.startswith(f"{old}.norm."):
                found[name.replace(f"{old}.norm", f"{new}.norm")] = value
    for number in _numbers(state, r"decoder\.layers\.(\d+)\."):
        old, new = f"decoder.layers.{number}", f"decoder.{number}"
        parts = {"self_attention": "own", "cross_attention": "cross"}
        _layer(state, found, old, new, parts, norms=3)
    return found


def _layer(
    state: Mapping[str, Tensor],
    found: dict[str, Tensor],
    old: str,
    new: str,
    attentions: Mapping[str, str],
    *,
    norms: int,
) -> None:
    for theirs, ours in attentions.items():
        _attention(
            state, found, f"{old}.{theirs}", f"{new}.{ours}", cross=ours == "cross"
        )
    for at, conv in ((0, "conv1"), (3, "conv2")):
        for kind in ("weight", "bias"):
            value = _need(state, f"{old}.{conv}.{kind}")
            found[f"{new}.forward_part.layers.{at}.{kind}"] = (
                value.squeeze(-1) if kind == "weight" else value
            )
    for number in range(norms):
        _copy(state, found, f"{old}.norm{number + 1}", f"{new}.norms.{number}")


def _attention(
    state: Mapping[str, Tensor],
    found: dict[str, Tensor],
    old: str,
    new: str,
    *,
    cross: bool,
) -> None:
    for kind in ("weight", "bias"):
        query, key, value = (
            _need(state, f"{old}.{part}_projection.{kind}")
            for part in ("query", "key", "value")
        )
        if cross:
            found[f"{new}.query.{kind}"] = query
            found[f"{new}.key_value.{kind}"] = torch.cat((key, value))
        else:
            found[f"{new}.query_key_value.{kind}"] = torch.cat((query, key, value))
        found[f"{new}.out.{kind}"] = _need(state, f"{old}.out_projection.{kind}")


def _copy(
    state: Mapping[str, Tensor], found: dict[str, Tensor], old: str, new: str
) -> None:
    for kind in ("weight", "bias"):
        found[f"{new}.{kind}"] = _need(state, f"{old}.{kind}")


def _need(state: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in state:
        raise InvalidInput("weights", "missing", name)
    return state[name]


def _numbers(state: Mapping[str, Tensor], pattern: str) -> list[int]:
    found = {int(m.group(1)) for name in state if (m := re.match(pattern, name))}
    return sorted(found)


def _sizes(
    ours: Mapping[str, Tensor], window: WindowConfig, heads: int
) -> tuple[ModelConfig, Shape]:
    """Read the sizes from the shapes of the weights."""
    prefix = "inner." if any(name.startswith("inner.") for name in ours) else ""
    token = _need(ours, f"{prefix}encoder_input.token.weight")
    hidden = _need(ours, f"{prefix}encoder.layers.0.forward_part.layers.0.weight")
    projection = _need(ours, f"{prefix}projection.weight")
    layers = len(_numbers(ours, re.escape(prefix) + r"encoder\.layers\.(\d+)\."))
    distils = len(_numbers(ours, re.escape(prefix) + r"encoder\.distils\.(\d+)\."))
    config = ModelConfig(
        variant="residual" if prefix else "plain",
        d_model=len(token),
        n_heads=heads,
        encoder_layers=layers,
        decoder_layers=len(_numbers(ours, re.escape(prefix) + r"decoder\.(\d+)\.")),
        d_ff=len(hidden),
        dropout=0.0,
        distil=distils > 0 or layers == 1,
    )
    shape = Shape(
        features=token.shape[1] // 3,
        targets=len(projection),
        marks=MARKS,
        window=window,
    )
    return config, shape
