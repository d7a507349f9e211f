"""Events wait for their reader, and the socket waits for the queue."""

import asyncio

from accounts.domain.exchange import StreamNews
from accounts.gateways import event_queue
from accounts.gateways.event_queue import EventQueue


def news(at):
    return StreamNews(up=True, at=at)


async def read(queue, count):
    found = []
    async for each in queue.iterate():
        found.append(each.at)
        if len(found) == count:
            break
    return found


async def test_events_come_in_order_also_to_one_who_waits():
    queue = EventQueue()
    queue.put(news(1))
    job = asyncio.create_task(read(queue, 3))
    await asyncio.sleep(0)
    queue.put(news(2))
    await asyncio.sleep(0)
    queue.put(news(3))
    assert await job == [1, 2, 3]


async def test_what_waits_is_read_after_the_end():
    queue = EventQueue()
    queue.put(news(1))
    queue.close()
    assert await read(queue, 9) == [1]


async def test_a_full_queue_stops_the_reading_until_it_is_nearly_empty(monkeypatch):
    monkeypatch.setattr(event_queue, "HIGH", 5)
    monkeypatch.setattr(event_queue, "LOW", 2)
    told = []
    queue = EventQueue(lambda: told.append("pause"), lambda: told.append("resume"))
    for at in range(8):
        queue.put(news(at))
    assert told == ["pause"]
    assert await read(queue, 5) == [0, 1, 2, 3, 4]
    assert told == ["pause"]
    assert await read(queue, 3) == [5, 6, 7]
    assert told == ["pause", "resume"]
