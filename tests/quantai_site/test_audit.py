from quantai_site.audit import verdict


def test_a_known_vulnerability_fails_and_is_named():
    report = {
        "dependencies": [
            {
                "name": "a",
                "version": "1",
                "vulns": [{"id": "X-1", "fix_versions": ["2"]}],
            },
            {"name": "b", "version": "1", "vulns": []},
        ]
    }
    status, lines = verdict(report)
    assert status == 1
    assert lines[0] == "a 1: X-1, fixed in 2"


def test_what_could_not_be_checked_is_said_and_does_not_fail():
    report = {"dependencies": [{"name": "a", "skip_reason": "not found"}]}
    status, lines = verdict(report)
    assert status == 0
    assert "0 packages checked" in lines[-1]
    assert "1 not checked" in lines[-1]
