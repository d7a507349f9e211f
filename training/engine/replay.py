"""One training step as a recorded graph of kernels, launched at once.

A step of a small model is some hundred kernels that a GPU finishes sooner than Python
can launch the next one. A step that never waits for the device can be recorded once and
launched whole: CUDA graphs, in torch ``torch.cuda.CUDAGraph``. What is recorded holds the
addresses of its tensors, so a step changes all its state in place.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

log = logging.getLogger(__name__)

# Steps before the recording: libraries choose their kernels and allocate work space.
WARM_UP = 3


class Replay:
    """Calls ``step(indices)``: the first times as it is, then as a recorded graph.

    Every call is one real step. Each call must bring as many indices as the first. A
    step that cannot be recorded goes on as it is, and the log says why.
    """

    def __init__(self, step: Callable[[Tensor], None]) -> None:
        self._step = step
        self._side = torch.cuda.Stream()
        self._indices: Tensor | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._warmed = 0
        self.refused = False

    def __call__(self, indices: Tensor) -> None:
        if self._graph is None and not self.refused:
            if self._warmed < WARM_UP:
                self._warm_up(indices)
                return
            self._record(indices)
        if self._graph is None or self._indices is None:
            self._step(indices)
            return
        self._indices.copy_(indices)
        self._graph.replay()

    def _warm_up(self, indices: Tensor) -> None:
        """Take a step away from the default stream, as a recording will."""
        self._warmed += 1
        current = torch.cuda.current_stream()
        self._side.wait_stream(current)
        with torch.cuda.stream(self._side):
            self._step(indices)
        current.wait_stream(self._side)

    def _record(self, indices: Tensor) -> None:
        """Record a step without taking it."""
        self._indices = indices.clone()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._step(self._indices)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self.refused = True
            log.warning(
                "steps are launched kernel by kernel: %s", str(error).splitlines()[0]
            )
            return
        self._graph = graph


class Branch:
    """Work of a recorded step that runs beside its main line.

    Small kernels that nothing waits for cost nothing beside large ones. Where a step
    is not being recorded everything runs in the order of the text.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream() if device.type == "cuda" else None

    @contextmanager
    def beside(self) -> Iterator[None]:
        """The block needs what came before it, and is needed only after ``join``."""
        if self._stream is None or not torch.cuda.is_current_stream_capturing():
            yield
            return
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            yield

    def join(self) -> None:
        """What follows waits for the blocks beside."""
        if self._stream is not None and torch.cuda.is_current_stream_capturing():
            torch.cuda.current_stream().wait_stream(self._stream)
