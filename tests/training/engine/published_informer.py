"""The published Informer's layout in plain torch, full attention: names and sums.

Written from the paper and the names in its weights; slow and separate, to compare with.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from training.engine.embedding import places


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        for name in ("query", "key", "value", "out"):
            setattr(self, f"{name}_projection", nn.Linear(width, width))

    def forward(self, q, k, v, *, causal=False):
        def split(x):
            return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

        query = split(self.query_projection(q))
        key, value = split(self.key_projection(k)), split(self.value_projection(v))
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
        if causal:
            later = torch.ones(scores.shape[-2:]).triu(1).bool()
            scores = scores.masked_fill(later, -math.inf)
        found = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        return self.out_projection(found)


class Embedding(nn.Module):
    def __init__(self, features, width):
        super().__init__()
        self.value_embedding = nn.Module()
        self.value_embedding.tokenConv = nn.Conv1d(
            features, width, 3, padding=1, padding_mode="circular"
        )
        self.temporal_embedding = nn.Module()
        self.temporal_embedding.embed = nn.Linear(4, width, bias=False)

    def forward(self, x, marks):
        value = self.value_embedding.tokenConv(x.transpose(1, 2)).transpose(1, 2)
        place = places(x.shape[1], value.shape[-1])
        return value + self.temporal_embedding.embed(marks) + place


class Block(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.conv1, self.conv2 = (
            nn.Conv1d(width, hidden, 1),
            nn.Conv1d(hidden, width, 1),
        )

    def feed(self, x):
        return self.conv2(functional.gelu(self.conv1(x.transpose(1, 2)))).transpose(
            1, 2
        )


class EncoderBlock(Block):
    def __init__(self, width, hidden, heads):
        super().__init__(width, hidden)
        self.attention = Attention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x):
        x = self.norm1(x + self.attention(x, x, x))
        return self.norm2(x + self.feed(x))


class DecoderBlock(Block):
    def __init__(self, width, hidden, heads):
        super().__init__(width, hidden)
        self.self_attention = Attention(width, heads)
        self.cross_attention = Attention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)

    def forward(self, x, memory):
        x = self.norm1(x + self.self_attention(x, x, x, causal=True))
        x = self.norm2(x + self.cross_attention(x, memory, memory))
        return self.norm3(x + self.feed(x))


class Distilling(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.downConv = nn.Conv1d(width, width, 3, padding=1, padding_mode="circular")
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x):
        x = functional.elu(self.norm(self.downConv(x.transpose(1, 2))))
        return functional.max_pool1d(x, 3, 2, 1).transpose(1, 2)


class PublishedInformer(nn.Module):
    def __init__(self, *, features, targets, width, hidden, heads, label, pred):
        super().__init__()
        self.label, self.pred = label, pred
        self.enc_embedding = Embedding(features, width)
        self.dec_embedding = Embedding(features, width)
        self.encoder = nn.Module()
        self.encoder.attn_layers = nn.ModuleList(
            EncoderBlock(width, hidden, heads) for _ in range(2)
        )
        self.encoder.conv_layers = nn.ModuleList([Distilling(width)])
        self.encoder.norm = nn.LayerNorm(width)
        self.decoder = nn.Module()
        self.decoder.layers = nn.ModuleList([DecoderBlock(width, hidden, heads)])
        self.decoder.norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, targets)

    def forward(self, x, x_marks, y_marks):
        memory = self.encoder.attn_layers[0](self.enc_embedding(x, x_marks))
        memory = self.encoder.conv_layers[0](memory)
        memory = self.encoder.norm(self.encoder.attn_layers[1](memory))
        zeros = torch.zeros(len(x), self.pred, x.shape[2])
        known = torch.cat((x[:, -self.label :], zeros), 1)
        found = self.decoder.layers[0](self.dec_embedding(known, y_marks), memory)
        return self.projection(self.decoder.norm(found))[:, -self.pred :]
