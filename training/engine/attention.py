"""Attention: full (SDPA) and ProbSparse (Zhou et al. 2021, "Informer", section 3)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.engine.config import Attention

EVAL_SEED = 20_210_202


class ProbSparse(nn.Module):
    """Only the queries with the sharpest attention look; the others take the mean.

    For each query ``factor * ceil(ln L_K)`` sampled keys tell how far its scores are
    from uniform (max - mean); the top ``factor * ceil(ln L_Q)`` queries attend to all
    keys. The others get the mean of the values, or their running sum under a causal
    mask. Scores come from one matmul, of which the sample is gathered: equal to the
    published layer for the same sample. The sample is drawn on the device. In
    evaluation it is drawn once per length from a fixed seed, so that two passes are
    equal.
    """

    def __init__(self, factor: int = 5) -> None:
        super().__init__()
        self.factor = factor
        self._fixed: dict[tuple[int, int, int, torch.device], Tensor] = {}

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, *, causal: bool
    ) -> Tensor:
        """query (B, H, L_Q, D), key and value (B, H, L_K, D) -> (B, H, L_Q, D)."""
        length, keys = query.shape[-2], key.shape[-2]
        sampled = min(self.factor * math.ceil(math.log(max(keys, 2))), keys)
        chosen = min(self.factor * math.ceil(math.log(max(length, 2))), length)
        index = self.sample(length, keys, sampled, query.device)
        # Scaled before the product, which half precision would overflow.
        scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(-2, -1)
        top = top_queries(scores, index, chosen)
        return attend(scores, value, top, causal=causal)

    def sample(
        self, length: int, keys: int, sampled: int, device: torch.device
    ) -> Tensor:
        """Return sampled key numbers, (length, sampled)."""
        if self.training:
            return torch.randint(keys, (length, sampled), device=device)
        which = (length, keys, sampled, device)
        if which not in self._fixed:
            generator = torch.Generator().manual_seed(EVAL_SEED)
            drawn = torch.randint(keys, (length, sampled), generator=generator)
            self._fixed[which] = drawn.to(device)
        return self._fixed[which]


def top_queries(scores: Tensor, index: Tensor, chosen: int) -> Tensor:
    """Return the numbers of the ``chosen`` sharpest queries, (B, H, chosen).

    ``scores`` (B, H, L_Q, L_K), scaled or not; ``index`` (L_Q, sampled).
    """
    seen = scores.gather(-1, index.expand(*scores.shape[:2], *index.shape))
    sharpness = seen.amax(-1) - seen.float().sum(-1) / scores.shape[-1]
    return sharpness.topk(chosen, sorted=False).indices


def attend(scores: Tensor, value: Tensor, top: Tensor, *, causal: bool) -> Tensor:
    """Return (B, H, L_Q, D): attention for ``top``, the rest by mean or running sum.

    ``scores`` are scaled by the root of the heads' width.
    """
    length, keys = scores.shape[-2:]
    width = value.shape[-1]
    picked = scores.gather(-2, top.unsqueeze(-1).expand(*top.shape, keys))
    if causal:
        later = torch.arange(keys, device=top.device) > top.unsqueeze(-1)
        picked = picked.masked_fill(later, torch.finfo(picked.dtype).min)
        context = value.cumsum(-2)
    else:
        context = value.mean(-2, keepdim=True).expand(*value.shape[:2], length, width)
    found = picked.softmax(-1).to(value.dtype) @ value
    rows = top.unsqueeze(-1).expand(*top.shape, width)
    return context.to(value.dtype).scatter(-2, rows, found)


class MultiHead(nn.Module):
    """Multi-head attention with one projection for query, key and value of itself.

    The weights are not dropped out (the output is, by who uses it): with dropout inside
    torch's fused kernel gives way to one that writes all scores out.

    ``mixed``: the published decoder joins heads without transposing them back; only
    for parity with it.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        kind: Attention = "full",
        factor: int = 5,
        cross: bool = False,
        mixed: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.cross, self.mixed = heads, cross, mixed
        self.sparse = ProbSparse(factor) if kind == "probsparse" else None
        if cross:
            self.query = nn.Linear(width, width)
            self.key_value = nn.Linear(width, 2 * width)
        else:
            self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        causal: bool = False,
        last: int | None = None,
    ) -> Tensor:
        """x (B, L, width), memory (B, L_K, width) for cross attention -> like x.

        ``last``: only so many positions at the end ask, (B, last, width) comes back.
        """
        asking = x if last is None else x[:, -last:]
        if memory is not None:
            query = self.query(asking)
            key, value = self.key_value(memory).chunk(2, -1)
        elif last is None:
            query, key, value = self.query_key_value(x).chunk(3, -1)
        else:
            query, key, value = self._own(asking, x)
        query, key, value = (self._split(one) for one in (query, key, value))
        if self.sparse is not None:
            found = self.sparse(query, key, value, causal=causal)
        elif causal and last is not None:
            mask = _ending(last, x.shape[1], x.device)
            found = functional.scaled_dot_product_attention(query, key, value, mask)
        else:
            found = functional.scaled_dot_product_attention(
                query, key, value, is_causal=causal
            )
        if not self.mixed:
            found = found.transpose(1, 2)
        projected: Tensor = self.out(found.reshape(asking.shape))
        return projected

    def _own(self, asking: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query of some positions, key and value of all, from the one projection."""
        width = x.shape[-1]
        weight, bias = self.query_key_value.weight, self.query_key_value.bias
        query = functional.linear(asking, weight[:width], bias[:width])
        key, value = functional.linear(x, weight[width:], bias[width:]).chunk(2, -1)
        return query, key, value

    def _split(self, value: Tensor) -> Tensor:
        batch, length, width = value.shape
        return value.view(batch, length, self.heads, width // self.heads).transpose(
            1, 2
        )


def _ending(last: int, length: int, device: torch.device) -> Tensor:
    """Return (last, length): which keys the last positions may see."""
    place = torch.arange(length, device=device)
    return place <= place[length - last :].unsqueeze(1)
