import json
import os

from quantai_site.supervision import relay as relay_module
from quantai_site.supervision.relay import Relay


def output(descriptor):
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def pipe_relay(**options):
    source, target = os.pipe()
    return source, target, Relay(target=target, as_json=False, **options)


def test_lines_of_children_arrive_unchanged_and_whole():
    source, target, relay = pipe_relay()
    child_out, child_in = os.pipe()
    relay.start()
    reader = relay.copy_from(child_out)
    os.write(child_in, '{"a": "é"}\npart'.encode())
    os.write(child_in, b"ial\nlast without end")
    os.close(child_in)
    reader.join(5)
    relay.finish(5)
    os.close(target)
    assert output(source) == '{"a": "é"}\npartial\nlast without end\n'.encode()


def test_in_a_json_log_our_own_lines_are_json_too():
    source, target = os.pipe()
    relay = Relay(target=target, as_json=True)
    relay.start()
    relay.say("Open http://127.0.0.1:1/")
    relay.finish(5)
    os.close(target)
    event = json.loads(output(source))
    assert (event["process"], event["message"]) == ("up", "Open http://127.0.0.1:1/")


def test_output_that_stands_still_drops_lines_and_says_how_many(monkeypatch):
    monkeypatch.setattr(relay_module, "QUEUE_LINES", 3)
    source, target, relay = pipe_relay()
    for number in range(5):
        relay.say(f"line {number}")
    relay.start()
    while relay._lines.qsize():
        pass
    relay.say("more")
    relay.finish(5)
    os.close(target)
    text = output(source).decode()
    assert "line 2\n" in text
    assert "line 4\n" not in text
    assert "2 blocks of lines dropped" in text
    assert "more" in text


def test_a_closed_output_is_noticed():
    source, _target, relay = pipe_relay()
    os.close(source)
    relay.start()
    relay.say("nobody reads this")
    assert relay.broken.wait(5)
    os.close(_target)
