import csv
import io
import json
import zipfile

import pytest
from pyarrow import parquet

from core.access import Role, Scope
from tests.market.test_api import bearer, browser
from tests.training import candles, planted
from tests.training.planted import VENUE
from training import pushes
from training.models import Study, Trial, TrialEpoch

BASE = "/api/v1/training"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]
READS = (
    "/options", "/studies", "/studies/{study}", "/studies/{study}/trials",
    "/studies/{study}/scales", "/studies/{study}/plots/history", "/trials/{trial}",
    "/trials/{trial}/epochs", "/trials/{trial}/scale", "/stats", "/models",
    "/export?what=studies",
)  # fmt: skip
WRITES = (
    "/studies", "/studies/preview", "/studies/{study}/cancel",
    "/studies/{study}/requeue", "/trials/{trial}/cancel", "/trials/{trial}/requeue",
)  # fmt: skip


@pytest.fixture
def viewer():
    return browser(Role.VIEWER)


@pytest.fixture
def trader():
    return bearer(Role.TRADER, Scope.TRADE)


@pytest.fixture
def typical():
    return planted.typical()


@pytest.fixture
def folder(settings, tmp_path):
    """The folder of everything written at run time."""
    site = settings.QUANTAI.site.model_copy(update={"var": tmp_path})
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
    return tmp_path


def post(client, path, body=None):
    return client.post(f"{BASE}{path}", body or {}, content_type="application/json")


def get(client, path):
    answer = client.get(f"{BASE}{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def file(client, what, kind, more=""):
    answer = client.get(f"{BASE}/export?what={what}&format={kind}{more}")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def at(path, study):
    return path.format(study=study.id, trial=study.trials.get(number=5).id)


class TestWhoMay:
    def test_everybody_who_may_look_reads(self, viewer, client, typical):
        reader = bearer(Role.RISK, Scope.READ)
        for path in READS:
            place = f"{BASE}{at(path, typical)}"
            statuses = [one.get(place).status_code for one in (client, viewer, reader)]
            assert statuses == [401, 200, 200], path

    def test_who_may_only_look_changes_nothing(self, viewer, client, typical):
        reader = bearer(Role.TRADER, Scope.READ)
        for path in WRITES:
            for one, status in ((client, 401), (viewer, 403), (reader, 403)):
                answer = post(one, at(path, typical), {"name": "x", "spec": {}})
                assert answer.status_code == status, path
                assert answer.json().keys() == {"code", "message", "details"}
        assert Study.objects.count() == 1
        assert not Trial.objects.filter(cancel_asked=True).exists()

    def test_what_is_not_there_or_of_another_venue_is_not_found(
        self, viewer, trader, typical
    ):
        Study.objects.update(venue="binance")
        for path in READS[2:9] + WRITES[2:]:
            for place in (at(path, typical), path.format(study=999, trial=999)):
                answer = (
                    post(trader, place) if path in WRITES else viewer.get(BASE + place)
                )
                assert answer.status_code == 404, place
                assert answer.json()["code"] == "not_found"


class TestStudies:
    def test_a_study_tells_counts_best_trial_and_what_it_was_told(
        self, viewer, typical
    ):
        answer = get(viewer, f"/studies/{typical.id}")
        assert answer["counts"]["running"] == 1
        assert answer["best"]["value"] == 0.5
        assert answer["spec"]["space"].keys() == planted.SPACE.keys()
        assert (answer["state"], answer["venue"]) == ("running", VENUE)
        [row] = get(viewer, "/studies")["studies"]
        moving = dict.fromkeys(("eta_seconds", "epoch", "seq"))
        assert {**row, **moving} == {**answer, **moving}

    def test_lists_are_paged_by_a_cursor(self, viewer):
        made = [planted.study(f"s{number}").id for number in range(5)]
        first = get(viewer, "/studies?limit=3")
        rest = get(viewer, f"/studies?limit=3&after={first['next_after']}")
        assert [row["id"] for row in first["studies"] + rest["studies"]] == made[::-1]
        assert rest["next_after"] is None
        assert get(viewer, "/studies?state=complete")["studies"] == []
        assert get(viewer, "/studies?until=1000")["studies"] == []
        assert len(get(viewer, "/studies?since=2001-01-01")["studies"]) == 5

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("since=9&until=5", "until"),
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("state=asleep", "state"),
            ("since=whenever", "since"),
        ],
    )
    def test_a_query_that_makes_no_sense_is_refused_by_name(self, viewer, query, field):
        answer = viewer.get(f"{BASE}/studies?{query}")
        assert answer.status_code == 422
        assert field in answer.json()["details"][0]["field"]
        assert answer.json()["details"][0]["rule"]

    def test_one_is_made_and_waits_for_a_worker(self, trader):
        wish = {"name": "tuned", "spec": {"trials": 3, "space": planted.SPACE}}
        answer = post(trader, "/studies", wish)
        assert answer.status_code == 201
        told = answer.json()
        assert (told["state"], told["counts"]["waiting"]) == ("waiting", 3)
        assert told["created_by"] == "a trader"
        assert get(trader, f"/studies/{told['id']}")["spec"] == told["spec"]

    @pytest.mark.parametrize(
        ("wish", "status", "field"),
        [
            ({"name": "typical", "spec": {}}, 409, "name"),
            ({"name": " ", "spec": {}}, 422, "name"),
            ({"spec": {}}, 422, "name"),
            ({"name": "a"}, 422, "spec"),
            ({"name": "a", "spec": {"trials": -1}}, 422, "trials"),
            ({"name": "a", "spec": {"interval": "7m"}}, 422, "interval"),
            ({"name": "a", "spec": {"model": {"n_heads": 5}}}, 422, "model.n_heads"),
            ({"name": "a", "spec": {"colour": "red"}}, 422, "colour"),
            ({"name": "a", "spec": {"features": ["no"]}}, 422, "features"),
        ],
    )
    def test_a_wish_that_cannot_be_is_refused_by_name(
        self, trader, typical, wish, status, field
    ):
        answer = post(trader, "/studies", wish)
        assert answer.status_code == status
        body = answer.json()
        assert body["code"] == {409: "conflict", 422: "invalid_input"}[status]
        assert body["details"][0]["field"].endswith(field)
        assert {"value", "rule"} <= body["details"][0].keys()
        assert Study.objects.count() == 1

    def test_only_files_of_the_folder_for_them_can_be_named(self, trader, folder):
        (folder / "candles").mkdir()
        (folder / "candles" / "BTC.csv").write_text("x")
        (folder / "secret_key").write_text("x")
        assert get(trader, "/options")["sources"] == ["BTC.csv"]
        outside = ("../secret_key", str(folder / "secret_key"))
        for name in (*outside, "no.csv", ".", "a\0b", "x" * 5000):
            wish = {"name": "a", "spec": {"source": name}}
            for path in ("/studies", "/studies/preview"):
                answer = post(trader, path, wish)
                assert answer.status_code == 422
                assert answer.json()["details"][0]["field"] == "source"
        made = post(trader, "/studies", {"name": "a", "spec": {"source": "BTC.csv"}})
        source = str((folder / "candles" / "BTC.csv").resolve())
        assert made.json()["spec"]["source"] == source

    def test_the_data_can_be_looked_at_first(self, trader):
        candles.store(candles.rows(400))
        spec = {
            "symbols": ["BTCUSDT"], "interval": "1h",
            "window": {"seq_len": 24, "label_len": 12, "pred_len": 1},
        }  # fmt: skip
        answer = post(trader, "/studies/preview", {"spec": spec}).json()
        assert (answer["refused"], answer["problems"]) == (False, [])
        assert all(answer["windows"].values())
        assert not Study.objects.exists()
        spec["symbols"] = ["ETHUSDT"]
        answer = post(trader, "/studies/preview", {"spec": spec}).json()
        assert answer["refused"]
        assert "ETHUSDT" in answer["problems"][0]

    def test_the_options_are_what_a_study_takes(self, viewer, trader):
        options = get(viewer, "/options")
        assert options["searchable"]["model.d_model"] == {
            "default": 64, "kind": "integer", "choices": None
        }  # fmt: skip
        assert "informer" in options["searchable"]["model.kind"]["choices"]
        assert options["searchable"]["loss.a"]["default"] == 1000.0
        names = [one["name"] for one in options["features"]]
        spec = {**options["spec"], "features": names}
        assert post(trader, "/studies", {"name": "a", "spec": spec}).status_code == 201

    def test_cancel_and_requeue(self, trader, typical):
        path = f"/studies/{typical.id}"
        assert post(trader, f"{path}/requeue").status_code == 409
        assert post(trader, f"{path}/cancel").json() == {
            "study": typical.id, "cancelled": True, "state": "running"
        }  # fmt: skip
        assert get(trader, path)["cancel_asked"]
        Study.objects.filter(id=typical.id).update(state="cancelled")
        Trial.objects.filter(number=5).update(state="cancelled")
        assert not post(trader, f"{path}/cancel").json()["cancelled"]
        assert post(trader, f"{path}/requeue").json() == {
            "study": typical.id, "requeued": [4, 5], "state": "waiting"
        }  # fmt: skip

    def test_trials_and_their_comparison(self, viewer, typical):
        path = f"/studies/{typical.id}"
        first = get(viewer, f"{path}/trials?limit=4")
        rest = get(viewer, f"{path}/trials?after={first['next_after']}")
        numbers = [row["number"] for row in first["trials"] + rest["trials"]]
        assert numbers == [0, 1, 2, 3, 4, 5]
        assert rest["next_after"] is None
        assert first["trials"][0]["study"] == typical.id
        assert get(viewer, f"{path}/trials?state=pruned")["trials"][0]["number"] == 1
        compared = get(viewer, f"{path}/scales")
        assert len(compared["trials"][0]["scale_last"]) == 5

    def test_pictures(self, viewer, typical):
        path = f"/studies/{typical.id}/plots"
        assert get(viewer, f"{path}/importances")["data"]
        assert viewer.get(f"{BASE}{path}/portrait").status_code == 422
        empty = planted.study("empty")
        answer = viewer.get(f"{BASE}/studies/{empty.id}/plots/history")
        assert answer.status_code == 404
        assert answer.json()["code"] == "too_little"


class TestTrials:
    def test_a_trial_and_its_epochs_by_a_cursor(self, viewer, typical):
        row = typical.trials.get(number=0)
        told = get(viewer, f"/trials/{row.id}")
        assert (told["number"], told["study_name"]) == (0, "typical")
        assert told["totals"]["overflows"] == 3
        first = get(viewer, f"/trials/{row.id}/epochs?limit=3")
        rest = get(viewer, f"/trials/{row.id}/epochs?after={first['next_after']}")
        found = first["epochs"] + rest["epochs"]
        assert [one["epoch"] for one in found] == [0, 1, 2, 3, 4]
        assert rest["next_after"] is None
        newer = found[-1]["at"] + 1
        assert get(viewer, f"/trials/{row.id}/epochs?since={newer}")["epochs"] == []

    def test_what_is_not_a_number_is_null(self, viewer, typical):
        row = typical.trials.get(number=0)
        TrialEpoch.objects.filter(trial=row).update(metrics={"a": None})
        assert get(viewer, f"/trials/{row.id}/epochs")["epochs"][0]["metrics"] == {
            "a": None
        }

    def test_the_scale_has_the_stated_shape(self, viewer):
        trial = planted.trial(planted.study(), 0, epochs=2, batches=4, overflow_at=(1,))
        assert get(viewer, f"/trials/{trial.id}/scale") == {
            "trial": trial.id,
            "batches": 8,
            "runs": [[0, 1, 65536.0], [1, 1, 32768.0], [2, 4, 39321.6],
                     [6, 2, 47185.92]],
            "events": [
                {"epoch": 0, "batch": 1, "kind": "overflow", "before": 65536.0,
                 "after": 32768.0, "advice": "a step was skipped: lower lr"},
                {"epoch": 0, "batch": 2, "kind": "growth", "before": 32768.0,
                 "after": 39321.6, "advice": "the scale grew"},
                {"epoch": 1, "batch": 6, "kind": "growth", "before": 39321.6,
                 "after": 47185.92, "advice": "the scale grew"},
            ],
        }  # fmt: skip

    def test_cancel_and_requeue(self, trader, typical):
        running, failed = (typical.trials.get(number=n).id for n in (5, 4))
        assert post(trader, f"/trials/{running}/cancel").json() == {
            "trial": running, "cancelled": True, "state": "running"
        }  # fmt: skip
        assert not post(trader, f"/trials/{failed}/cancel").json()["cancelled"]
        assert post(trader, f"/trials/{failed}/requeue").json() == {
            "trial": failed, "requeued": True, "state": "failed"
        }  # fmt: skip
        again = post(trader, f"/trials/{failed}/requeue")
        assert again.status_code == 409
        assert again.json()["details"][0]["rule"] == "it is to run again already"


def test_pages_can_subscribe_first_and_then_ask(
    viewer, typical, django_capture_on_commit_callbacks
):
    trial = typical.trials.get(number=5)
    epochs, study = f"/trials/{trial.id}/epochs", f"/studies/{typical.id}"
    assert get(viewer, study)["seq"] == 0
    with django_capture_on_commit_callbacks(execute=True):
        pushes.trial_tell(trial)
        pushes.epoch_tell(trial.epochs.first(), [])
    places = ("/studies", study, f"{study}/trials", f"/trials/{trial.id}", epochs)
    assert all(get(viewer, place)["seq"] == 1 for place in places)
    assert get(viewer, "/studies")["epoch"] != get(viewer, epochs)["epoch"] != ""


def test_statistics_are_those_of_the_published_call(viewer, typical):
    answer = get(viewer, f"/stats?study={typical.id}&trials=2")
    assert len(answer["trials"]) == 2
    assert answer["totals"]["epochs"] == 16
    assert viewer.get(f"{BASE}/stats?study=999").status_code == 404


class TestFiles:
    @pytest.mark.parametrize(
        ("what", "rows"),
        [("studies", 1), ("trials", 6), ("epochs", 16), ("marks", 20)],
    )
    def test_every_table_in_every_format(self, viewer, typical, what, rows):
        # The remaining time of a running study is another one in every file.
        Study.objects.filter(id=typical.id).update(state="complete")
        planted.trial(planted.study("other's", venue="testnet"), 0, epochs=1)
        plain = json.loads(file(viewer, what, "json"))
        assert (plain["venue"], plain["badge"]) == (VENUE, "SIMULATED")
        lines = file(viewer, what, "ndjson").splitlines()
        table = list(csv.DictReader(io.StringIO(file(viewer, what, "csv").decode())))
        stored = parquet.read_table(io.BytesIO(file(viewer, what, "parquet")))
        assert len(plain["rows"]) == len(lines) == len(table) == rows
        assert stored.to_pylist() == plain["rows"] == [json.loads(x) for x in lines]
        assert {row["venue"] for row in table} == {VENUE}

    def test_the_scale_comes_in_runs_over_the_ends_of_epochs(self, viewer, typical):
        rows = json.loads(file(viewer, "scale", "json"))["rows"]
        first = typical.trials.get(number=0)
        runs = get(viewer, f"/trials/{first.id}/scale")["runs"]
        assert [
            [row["first_batch"], row["count"], row["scale"]]
            for row in rows
            if row["trial"] == first.id
        ] == runs

    def test_a_file_of_one_study_and_of_a_time(self, viewer, typical):
        other = planted.study("other")
        planted.trial(other, 0, epochs=2)
        for what, count in (("studies", 1), ("trials", 1), ("epochs", 2), ("marks", 2)):
            rows = json.loads(file(viewer, what, "json", f"&study={other.id}"))["rows"]
            assert len(rows) == count
            assert json.loads(file(viewer, what, "json", "&until=9"))["rows"] == []
        marks = json.loads(file(viewer, "marks", "json", f"&study={other.id}"))
        assert marks["rows"][0]["output_mean"] == 0.25
        assert marks["study"] == other.id

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("what=secrets", 422),
            ("", 422),
            ("what=trials&format=xml", 422),
            ("what=trials&study=99", 404),
            ("what=trials&since=9&until=5", 422),
        ],
    )
    def test_a_file_that_cannot_be_is_refused(self, viewer, query, status):
        assert viewer.get(f"{BASE}/export?{query}").status_code == status


class TestModels:
    def test_versions_are_listed_with_what_they_are_compared_by(self, viewer, typical):
        trial = typical.trials.get(number=0)
        old = planted.version(trial, "old")
        new = planted.version(None, "new", stage="active")
        planted.version(None, "elsewhere", venue="binance")
        found = get(viewer, "/models")["models"]
        assert [row["name"] for row in found] == ["new", "old"]
        assert (found[1]["trial"], found[1]["study"]) == (trial.id, typical.id)
        assert found[1]["metrics"] == {"test": {"mae": 0.01}}
        assert "folder" not in found[0]
        assert get(viewer, f"/models/{old.id}") == found[1]
        assert get(viewer, "/models?stage=active")["models"] == found[:1]
        assert get(viewer, f"/models?study={typical.id}")["models"] == found[1:]
        assert get(viewer, f"/models?after={new.id}")["models"] == found[1:]
        assert viewer.get(f"{BASE}/models/999").status_code == 404
        for nowhere in (999, 10**22):
            assert viewer.get(f"{BASE}/models?study={nowhere}").status_code == 404

    def test_a_version_is_downloaded_whole(self, viewer, folder):
        row = planted.version(None, 'my "model" 1', folder="simulator/first")
        place = folder / "models" / "simulator" / "first"
        place.mkdir(parents=True)
        weights = bytes(range(256)) * 10_000
        (place / "weights.safetensors").write_bytes(weights)
        (place / "version.json").write_text("{}")
        answer = viewer.get(f"{BASE}/models/{row.id}/download")
        assert answer["Content-Type"] == "application/zip"
        assert 'filename="my-model-1-simulator.zip"' in answer["Content-Disposition"]
        parts = list(answer.streaming_content)
        assert max(map(len, parts)) < len(weights)
        with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == [
                "my-model-1/version.json", "my-model-1/weights.safetensors"
            ]  # fmt: skip
            assert archive.read("my-model-1/weights.safetensors") == weights

    @pytest.mark.parametrize("place", ["gone", "../candles", "..", ""])
    def test_files_that_are_gone_or_elsewhere_are_not_found(
        self, viewer, folder, place
    ):
        (folder / "candles").mkdir()
        (folder / "candles" / "x").write_text("x")
        (folder / "secret_key").write_text("x")
        row = planted.version(None, folder=place)
        assert viewer.get(f"{BASE}/models/{row.id}/download").status_code == 404
