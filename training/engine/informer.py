"""Informer and a plain Transformer of the same parts.

Zhou et al., "Informer: Beyond Efficient Transformer for Long Sequence Time-Series
Forecasting", AAAI 2021: attention (ProbSparse or full), distilling between encoder
layers, and a decoder that gives the whole forecast at once.
"""

import torch
from torch import Tensor, nn

from training.engine.attention import MultiHead
from training.engine.config import Attention, ModelConfig, Shape
from training.engine.dropout import Dropout
from training.engine.embedding import DataEmbedding


class FeedForward(nn.Module):
    """Two Linears around a GELU; the published 1x1 convolutions."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(),
            Dropout(dropout),
            nn.Linear(hidden, width),
            Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layers(x)
        return found


class EncoderLayer(nn.Module):
    """Attention and feed-forward, each added and normalised after."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = _attention(config, config.attention)
        self.forward_part = FeedForward(config.d_model, config.d_ff, config.dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(config.d_model) for _ in range(2))
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norms[0](x + self.dropout(self.attention(x)))
        found: Tensor = self.norms[1](x + self.forward_part(x))
        return found


class Distil(nn.Module):
    """Halves the length: convolution over 3, batch norm, ELU, max pooling."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(
            width, width, kernel_size=3, padding=1, padding_mode="circular"
        )
        self.norm = nn.BatchNorm1d(width)
        self.pool = nn.MaxPool1d(kernel_size=3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, width) -> (B, ceil(L / 2), width)."""
        found = self.norm(self.convolution(x.transpose(1, 2)))
        pooled: Tensor = self.pool(nn.functional.elu(found))
        return pooled.transpose(1, 2)


class Encoder(nn.Module):
    """Layers with distilling in between (not after the last)."""

    def __init__(self, config: ModelConfig, *, distil: bool) -> None:
        super().__init__()
        count = config.encoder_layers
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(count))
        between = count - 1 if distil else 0
        self.distils = nn.ModuleList(Distil(config.d_model) for _ in range(between))
        self.norm = nn.LayerNorm(config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        for at, layer in enumerate(self.layers):
            x = layer(x)
            if at < len(self.distils):
                x = self.distils[at](x)
        found: Tensor = self.norm(x)
        return found


class DecoderLayer(nn.Module):
    """Causal attention to itself, attention to the encoder, feed-forward."""

    def __init__(self, config: ModelConfig, *, mixed: bool) -> None:
        super().__init__()
        self.own = _attention(config, config.attention, mixed=mixed)
        self.cross = _attention(config, "full", cross=True)
        self.forward_part = FeedForward(config.d_model, config.d_ff, config.dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(config.d_model) for _ in range(3))
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, memory: Tensor, last: int | None = None) -> Tensor:
        """x (B, L, width) -> the same; with ``last`` only the positions at the end."""
        own = self.own(x, causal=True, last=last)
        if last is not None:
            x = x[:, -last:]
        x = self.norms[0](x + self.dropout(own))
        x = self.norms[1](x + self.dropout(self.cross(x, memory)))
        found: Tensor = self.norms[2](x + self.forward_part(x))
        return found


class Informer(nn.Module):
    """Encoder over the window, decoder from its last bars and zeros for the future."""

    def __init__(self, config: ModelConfig, shape: Shape) -> None:
        super().__init__()
        window = shape.window
        self._label, self._pred = window.label_len, window.pred_len
        informer = config.kind == "informer"
        self.encoder_input = _embedding(config, shape, window.seq_len)
        self.decoder_input = _embedding(
            config, shape, window.label_len + window.pred_len
        )
        self.encoder = Encoder(config, distil=config.distil and informer)
        mixed = informer and config.attention == "probsparse"
        self.decoder = nn.ModuleList(
            DecoderLayer(config, mixed=mixed) for _ in range(config.decoder_layers)
        )
        # ProbSparse chooses among all positions.
        self._whole = config.attention == "probsparse"
        self.norm = nn.LayerNorm(config.d_model)
        self.projection = nn.Linear(config.d_model, shape.targets)

    def forward(self, x: Tensor, x_marks: Tensor, y_marks: Tensor) -> Tensor:
        """x (B, seq_len, features) -> (B, pred_len, targets)."""
        memory = self.encoder(self.encoder_input(x, x_marks))
        known = x[:, x.shape[1] - self._label :]
        future = x.new_zeros(x.shape[0], self._pred, x.shape[2])
        found = self.decoder_input(torch.cat((known, future), 1), y_marks)
        for layer in self.decoder[:-1]:
            found = layer(found, memory)
        # Of the last layer only the forecast's positions are needed.
        found = self.decoder[-1](found, memory, None if self._whole else self._pred)
        forecast: Tensor = self.projection(self.norm(found[:, -self._pred :]))
        return forecast


def _attention(
    config: ModelConfig, kind: Attention, *, cross: bool = False, mixed: bool = False
) -> MultiHead:
    return MultiHead(
        config.d_model,
        config.n_heads,
        kind=kind,
        factor=config.factor,
        cross=cross,
        mixed=mixed,
    )


def _embedding(config: ModelConfig, shape: Shape, length: int) -> DataEmbedding:
    return DataEmbedding(
        shape.features, shape.marks, config.d_model, config.dropout, length
    )
