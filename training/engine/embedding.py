"""From numbers and time marks to vectors."""

import math

import torch
from torch import Tensor, nn

from training.engine.dropout import Dropout


class DataEmbedding(nn.Module):
    """Values of three neighbouring bars, time marks, and the place in the window.

    The published token convolution (kernel 3, circular) as one Linear over
    concatenated neighbours, which is the same sum and faster.
    """

    place: Tensor

    def __init__(
        self, features: int, marks: int, width: int, dropout: float, length: int
    ) -> None:
        super().__init__()
        self.token = nn.Linear(3 * features, width)
        nn.init.kaiming_normal_(
            self.token.weight, mode="fan_in", nonlinearity="leaky_relu"
        )
        self.time = nn.Linear(marks, width, bias=False)
        self.dropout = Dropout(dropout)
        self.register_buffer("place", places(length, width), persistent=False)

    def forward(self, x: Tensor, marks: Tensor) -> Tensor:
        """x (B, L, features), marks (B, L, marks) -> (B, L, width)."""
        around = torch.cat((x.roll(1, 1), x, x.roll(-1, 1)), -1)
        found = self.token(around) + self.time(marks) + self.place[: x.shape[1]]
        embedded: Tensor = self.dropout(found)
        return embedded


def places(length: int, width: int) -> Tensor:
    """Return sines and cosines of positions, (length, width) (Vaswani et al. 2017)."""
    position = torch.arange(length).unsqueeze(1)
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    table = torch.zeros(length, width)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)[:, : width // 2]
    return table
