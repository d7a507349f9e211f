"""Reading a flag from the device without waiting for it."""

import torch
from torch import Tensor


class HostView:
    """The newest value of a 0-dim tensor that has already arrived on the host.

    On a CPU the host sees the tensor's own memory. On CUDA each ``read`` returns what
    the copy begun by an earlier one brought, so that it may be one call old.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self._cuda = tensor.is_cuda
        host = torch.zeros((), dtype=tensor.dtype, pin_memory=self._cuda)
        self._host = host if self._cuda else tensor
        self._arrived: torch.cuda.Event | None = None
        self._known = 0.0

    def read(self) -> float:
        """Return the value without a synchronisation."""
        if not self._cuda:
            return float(self._host.numpy())
        if self._arrived is None or self._arrived.query():
            if self._arrived is not None:
                self._known = float(self._host.numpy())
            self._host.copy_(self.tensor, non_blocking=True)
            self._arrived = torch.cuda.Event()
            self._arrived.record()
        return self._known
