"""Counts what makes the host wait for the device.

Reads of a value, and operations whose result's size depends on values: on CUDA each of
them is a wait.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

WAITS = (
    "_local_scalar_dense",
    "is_nonzero",
    "nonzero",
    "masked_select",
    "unique",
    "aten.equal",
    "repeat_interleave",
    "bincount",
)


def waits(func, args):
    """Whether the call would wait; a mask as an index is turned into numbers first."""
    name = str(func)
    if name.startswith(("aten.index.", "aten.index_put")):
        return any(
            index is not None and index.dtype in (torch.bool, torch.uint8)
            for index in args[1]
        )
    return any(part in name for part in WAITS)


class count_syncs(TorchDispatchMode):
    """``with count_syncs() as syncs``: ``syncs.count`` waits happened inside."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if waits(func, args):
            self.count += 1
        return func(*args, **(kwargs or {}))
