"""Rows of a queued topic: the snapshot, what was pushed after it, and gaps."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Pushes 5 and 6 come while the server looks; it looked after push 5.
REPLAY = """async () => {
    const { rows } = await import("/static/js/stores.js");
    const asked = [];
    const store = rows("training", () => new Promise((answer) => asked.push(answer)));
    const settle = () => new Promise((done) => setTimeout(done));
    const values = () => Object.fromEntries([...store.items].map(([k, r]) => [k, r.v]));
    const push = (seq, ...items) =>
        store.push({ epoch: store.epoch ?? "run", seq, items });
    store.epoch = "run";
    store.refresh();
    push(5, { id: 2, v: "older" });
    push(6, { id: 1, v: "newer" });
    const snapshot = [{ id: 1, v: "seen", spec: 7 }, { id: 2, v: "seen" }];
    asked.at(-1)({ epoch: "run", seq: 5, items: snapshot });
    await settle();
    const replayed = { ...values(), spec: store.items.get("1").spec };
    const before = asked.length;
    push(7, { id: 1, v: "next" });
    const inOrder = asked.length - before;
    push(9, { id: 3, v: "after a gap" });
    const afterGap = asked.length - before;
    asked.at(-1)({ epoch: "run", seq: 9, items: [{ id: 3, v: "all there is" }] });
    await settle();
    store.close();
    return { replayed, inOrder, afterGap, rows: values() };
}"""


def test_pushes_newer_than_the_snapshot_win_and_a_gap_asks_again(browse):
    page = browse("/settings/")
    found = page.evaluate(REPLAY)
    assert found["replayed"] == {"1": "newer", "2": "seen", "spec": 7}
    assert (found["inOrder"], found["afterGap"]) == (0, 1)
    assert found["rows"] == {"3": "all there is"}
