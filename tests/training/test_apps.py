from core.topics import rule_for


def test_pages_may_hear_of_training_and_of_every_trial():
    for topic in ("training", "trial:7"):
        rule = rule_for(topic)
        assert rule is not None
        assert rule.permission is None
