"""A plain Informer of the same shape, as one writes it first, to measure against.

1x1 convolutions for projections, query, key and value apart, ProbSparse attention with
its sampled keys gathered as published, full cross attention with scores written out, an
optimizer that is not fused, the loss read on the host after every step.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class PlainAttention(nn.Module):
    """Full attention with materialised scores."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, *, causal: bool = False) -> Tensor:
        """x (B, L, width), memory (B, L_K, width)."""
        parts = (self.query(x), self.key(memory), self.value(memory))
        query, key, value = (one.view(*one.shape[:2], self.heads, -1) for one in parts)
        scores = torch.einsum("blhe,bshe->bhls", query, key)
        weights = self.dropout(
            torch.softmax(scores / math.sqrt(query.shape[-1]), dim=-1)
        )
        found = torch.einsum("bhls,bshd->blhd", weights, value).contiguous()
        projected: Tensor = self.out(found.view(x.shape))
        return projected


class PlainSparseAttention(PlainAttention):
    """ProbSparse: keys are sampled for every query and gathered."""

    def forward(self, x: Tensor, memory: Tensor, *, causal: bool = False) -> Tensor:
        """x (B, L, width) attends to itself."""
        query, key, value = (
            one.view(*one.shape[:2], self.heads, -1).transpose(1, 2)
            for one in (self.query(x), self.key(x), self.value(x))
        )
        batch, heads, length, width = query.shape
        count = min(5 * math.ceil(math.log(length)), length)
        sample = torch.randint(length, (length, count))
        spread = key.unsqueeze(-3).expand(batch, heads, length, length, width)
        chosen = spread[:, :, torch.arange(length).unsqueeze(1), sample]
        dots = (query.unsqueeze(-2) @ chosen.transpose(-2, -1)).squeeze(-2)
        sharpness = dots.max(-1)[0] - dots.sum(-1) / length
        top = sharpness.topk(count, sorted=False)[1]
        at = (
            torch.arange(batch)[:, None, None],
            torch.arange(heads)[None, :, None],
            top,
        )
        scores = query[at] @ key.transpose(-2, -1) / math.sqrt(width)
        if causal:
            later = torch.ones(length, length, dtype=torch.bool).triu(1)
            masks = later.expand(batch, heads, length, length)
            scores = scores.masked_fill(masks[at], -math.inf)
            context = value.cumsum(-2)
        else:
            context = value.mean(-2, keepdim=True).expand(value.shape).clone()
        context[at] = self.dropout(scores.softmax(-1)) @ value
        joined = context.transpose(1, 2).contiguous().view(x.shape)
        projected: Tensor = self.out(joined)
        return projected


class PlainBlock(nn.Module):
    """Feed-forward of two 1x1 convolutions."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Conv1d(width, hidden, 1)
        self.second = nn.Conv1d(hidden, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, width) -> the same."""
        hidden = self.dropout(functional.gelu(self.first(x.transpose(-1, 1))))
        found: Tensor = self.dropout(self.second(hidden).transpose(-1, 1))
        return found


class PlainLayer(nn.Module):
    """An encoder layer, or with memory a decoder layer."""

    def __init__(self, width: int, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.own = PlainSparseAttention(width, heads, dropout)
        self.cross = PlainAttention(width, heads, dropout)
        self.feed = PlainBlock(width, hidden, dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        """(B, L, width) -> the same."""
        causal = memory is not None
        x = self.norms[0](x + self.dropout(self.own(x, x, causal=causal)))
        if memory is not None:
            x = self.norms[1](x + self.dropout(self.cross(x, memory)))
        found: Tensor = self.norms[2](x + self.feed(x))
        return found


class PlainInformer(nn.Module):
    """Two encoder layers with distilling, one decoder layer."""

    def __init__(self, shape: dict[str, Any]) -> None:
        super().__init__()
        width, hidden, heads = shape["d_model"], shape["d_ff"], shape["heads"]
        features, dropout = shape["features"], shape["dropout"]
        self.label, self.pred = shape["label"], shape["pred"]
        self.tokens = nn.ModuleList(
            nn.Conv1d(features, width, 3, padding=1, padding_mode="circular")
            for _ in range(2)
        )
        self.times = nn.ModuleList(nn.Linear(4, width, bias=False) for _ in range(2))
        self.encoder = nn.ModuleList(
            PlainLayer(width, hidden, heads, dropout) for _ in range(2)
        )
        for layer in self.encoder:
            del layer.cross
        self.distil = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=1, padding_mode="circular"),
            nn.BatchNorm1d(width),
            nn.ELU(),
            nn.MaxPool1d(3, 2, 1),
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.decoder = PlainLayer(width, hidden, heads, dropout)
        self.projection = nn.Linear(width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, x_marks: Tensor, y_marks: Tensor) -> Tensor:
        """x (B, L, features) -> (B, pred, 1)."""
        memory = self.encoder[0](self._embed(0, x, x_marks))
        memory = self.distil(memory.transpose(1, 2)).transpose(1, 2)
        memory = self.norms[0](self.encoder[1](memory))
        zeros = torch.zeros(len(x), self.pred, x.shape[2])
        known = torch.cat((x[:, -self.label :], zeros), 1)
        found = self.decoder(self._embed(1, known, y_marks), memory)
        forecast: Tensor = self.projection(self.norms[1](found))[:, -self.pred :]
        return forecast

    def _embed(self, side: int, x: Tensor, marks: Tensor) -> Tensor:
        value = self.tokens[side](x.transpose(1, 2)).transpose(1, 2)
        embedded: Tensor = self.dropout(value + self.times[side](marks))
        return embedded
