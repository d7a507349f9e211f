"""What the hub knows of each topic: newest fragments, or the last queued items."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.push import Push

QUEUE_KEPT = 512
PUBLISHERS_KEPT = 32


@dataclass(frozen=True)
class TopicRule:
    """Who may hear a topic (or a family ``name:…``) and who must know of listeners.

    ``watched`` is awaited with the topic's full name when the first browser of this
    process subscribes and again every few seconds while one listens.
    """

    name: str
    permission: str | None = None
    watched: Callable[[str], Awaitable[None]] | None = None


_rules: dict[str, TopicRule] = {}


def register(rule: TopicRule) -> None:
    """Make a topic known; called by apps when they are ready."""
    _rules[rule.name] = rule


def rule_for(topic: str) -> TopicRule | None:
    """Return the rule of ``topic`` or of its family (the part before the colon)."""
    return _rules.get(topic) or _rules.get(topic.partition(":")[0])


class NewestTopic:
    """Newest item per key; a listener asks for what changed since a version.

    Several processes may publish, each its own keys under an epoch of its own.
    """

    mode = "newest"

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch = ""
        self.seq = 0
        # Publisher's run → its epoch and the number of its last message.
        self._heard: dict[str, tuple[str, int]] = {}
        self.generation = 0
        self.version = 0
        self._latest: dict[str, tuple[int, bytes]] = {}
        self._texts: dict[int, str] = {}

    @property
    def position(self) -> str:
        """The epoch browsers see: changes when they must fetch the snapshot again.

        It names the publisher's epoch that was heard of last.
        """
        return f"{self.epoch}.{self.generation}"

    def apply(self, push: Push) -> None:
        """Take one message; a lost one or a new publisher's epoch starts a new one."""
        run = push.epoch.rpartition("-")[0]
        before = self._heard.pop(run, None)
        if before != (push.epoch, push.seq - 1):
            if self.epoch:
                self.generation += 1
            if before is None or before[0] != push.epoch:
                self.epoch = push.epoch
        self._heard[run] = push.epoch, push.seq
        if len(self._heard) > PUBLISHERS_KEPT:
            del self._heard[next(iter(self._heard))]
        self.seq = push.seq
        self.version += 1
        self._texts.clear()
        for name, fragment in push.items:
            self._latest[name] = (self.version, fragment)

    def text_since(self, version: int) -> str | None:
        """Return the message that brings a listener from ``version`` to now.

        Encoded once for all listeners that stand at the same version.
        """
        if version >= self.version:
            return None
        text = self._texts.get(version)
        if text is None:
            items = [item for at, item in self._latest.values() if at > version]
            text = self._texts[version] = _text("data", self, items)
        return text


class QueueTopic:
    """The last items in order; a listener gets every item once."""

    mode = "queue"

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch = ""
        self.seq = 0
        self.version = 0
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=QUEUE_KEPT)
        self._texts: dict[int, str] = {}

    @property
    def position(self) -> str:
        """The epoch browsers see."""
        return self.epoch

    def apply(self, push: Push) -> None:
        """Take one message; the browser finds gaps by itself from ``seq``."""
        if push.epoch != self.epoch:
            self._kept.clear()
            self.epoch = push.epoch
        self.seq = push.seq
        self._texts.clear()
        for _, fragment in push.items:
            self.version += 1
            self._kept.append((self.version, fragment))

    def text_since(self, version: int) -> str | None:
        """Return the items after ``version``; older than kept shows as a gap in seq."""
        if version >= self.version:
            return None
        text = self._texts.get(version)
        if text is None:
            items = [item for at, item in self._kept if at > version]
            text = self._texts[version] = _text("queue", self, items)
        return text


Topic = NewestTopic | QueueTopic


def _text(kind: str, topic: Topic, items: list[bytes]) -> str:
    body = b",".join(items).decode()
    return (
        f'{{"type":"{kind}","topic":"{topic.name}","epoch":"{topic.position}",'
        f'"seq":{topic.seq},"items":[{body}]}}'
    )
