"""Lua scripts asked for at the same time go to Redis in one round trip."""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis as AsyncRedis

Question = tuple[str, Sequence[str], Sequence[int | str]]


class ScriptLine:
    """Runs scripts in the order in which they were asked for.

    While one group is on its way the next one collects, so the cost of a busy moment
    is that of a few round trips.
    """

    def __init__(self, redis: "AsyncRedis") -> None:
        self._redis = redis
        self._waiting: list[tuple[Question, asyncio.Future[Any]]] = []
        self._job: asyncio.Task[None] | None = None

    async def ask(
        self, script: str, keys: Sequence[str], args: Sequence[int | str]
    ) -> Any:
        """Return the script's answer; raises what ``core.redis.UNAVAILABLE`` names."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(((script, keys, args), future))
        if self._job is None or self._job.done():
            self._job = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                answers = await self._run([question for question, _ in group])
            except Exception as error:  # everybody who asked hears of it
                answers = [error] * len(group)
            for (_, future), answer in zip(group, answers, strict=True):
                if future.done():  # who asked was cancelled
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    async def _run(self, questions: Sequence[Question]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for script, keys, args in questions:
            _ = pipeline.eval(script, len(keys), *keys, *args)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers
