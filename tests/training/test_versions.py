"""Versions of models: rows and files together."""

from pathlib import Path

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command

from core.errors import InvalidInput
from tests.training.engine.published_informer import PublishedInformer
from tests.training.engine.series import small_splits
from tests.training.engine.test_saved import saved
from training import versions
from training.engine.judging import predict
from training.models import ModelVersion

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "models_folder", lambda: tmp_path / "models")


def keep(name="one", **given):
    made = saved(small_splits())
    return versions.version_save(venue="simulator", name=name, saved=made, **given)


def test_a_version_is_a_row_and_files_that_give_the_same_forecasts():
    splits = small_splits()
    made = saved(splits)
    version = versions.version_save(
        venue="simulator",
        name="btc-7",
        saved=made,
        data={"hash": "abc"},
        metrics={"mse": 0.5},
    )
    assert version.stage == "candidate"
    assert version.features == ["wave", "noise0"]
    assert version.config["model"]["d_model"] == 8
    back = versions.version_load(ModelVersion.objects.get())
    assert np.array_equal(
        predict(made.model, splits.test), predict(back.model, splits.test)
    )
    assert back.facts["data"] == {"hash": "abc"}
    assert back.facts["code_version"] == version.code_version


def test_a_name_belongs_to_one_version_of_a_venue():
    keep()
    with pytest.raises(InvalidInput, match="taken on simulator"):
        keep()


@pytest.mark.parametrize("name", ["../escape", "a/b", "", "white space"])
def test_a_name_cannot_leave_the_folder(name):
    with pytest.raises(InvalidInput, match="name"):
        keep(name)


def test_files_without_a_row_are_written_anew():
    version = keep()
    ModelVersion.objects.all().delete()
    assert versions.folder_of(version).exists()
    assert keep().sha256 == version.sha256


def test_a_name_taken_meanwhile_leaves_the_other_ones_files(monkeypatch):
    """Another process makes its row after we looked whether the name is free."""
    from training.engine import saved as engine_saved

    save_model = engine_saved.save_model

    def slowly(folder, made):
        monkeypatch.setattr(engine_saved, "save_model", save_model)
        keep("same", actor="the quick one")
        return save_model(folder, made)

    monkeypatch.setattr(engine_saved, "save_model", slowly)
    with pytest.raises(InvalidInput, match="taken on simulator"):
        keep("same", actor="the slow one")
    row = ModelVersion.objects.get()
    assert row.created_by == "the quick one"
    assert versions.version_load(row).columns == ("wave", "noise0")
    folder = versions.folder_of(row)
    assert [one.name for one in folder.parent.iterdir()] == ["same"]


def test_files_that_cannot_be_put_in_place_leave_no_row(monkeypatch):
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="read-only"):
        keep()
    assert not ModelVersion.objects.exists()


def refuse(*_):
    raise OSError("read-only")


def test_a_version_whose_weights_were_exchanged_is_refused():
    version, other = keep(), keep("two")
    folder = versions.folder_of(version)
    torch.manual_seed(9)
    changed = saved(small_splits(), dropout=0.5, d_ff=24)
    (folder / "weights.safetensors").unlink()
    versions.folder_of(other).joinpath("weights.safetensors").rename(
        folder / "weights.safetensors"
    )
    assert changed.config != saved(small_splits()).config
    assert versions.version_load(version).shape.features == 2
    ModelVersion.objects.filter(pk=version.pk).update(sha256="0" * 64)
    version.refresh_from_db()
    with pytest.raises(InvalidInput, match="not the ones that were saved"):
        versions.version_load(version)


def test_deleting_takes_row_and_files_unless_it_is_active():
    version = keep()
    version.stage = "active"
    with pytest.raises(InvalidInput, match="is active"):
        versions.version_delete(version)
    version.stage = "retired"
    folder = versions.folder_of(version)
    versions.version_delete(version)
    assert not folder.exists()
    assert not ModelVersion.objects.exists()


def published_file(path):
    theirs = PublishedInformer(
        features=2, targets=1, width=8, hidden=16, heads=2, label=6, pred=3
    )
    torch.save(theirs.state_dict(), path)
    return path


SIZES = ["--seq-len=12", "--label-len=6", "--pred-len=3", "--heads=2"]


def test_older_weights_become_a_version_by_command(tmp_path, capsys):
    path = published_file(tmp_path / "old.pt")
    call_command("import_model", str(path), *SIZES, "--columns=close,volume")
    assert "version old:" in capsys.readouterr().out
    back = versions.version_load(ModelVersion.objects.get(name="old"))
    assert back.columns == ("close", "volume")
    assert back.facts["imported_from"] == "old.pt"


def test_a_command_that_cannot_says_which_weight(tmp_path):
    path = tmp_path / "bad.pt"
    torch.save({"some.weight": torch.ones(2)}, path)
    with pytest.raises(CommandError, match=r"encoder_input\.token\.weight"):
        call_command("import_model", str(path), *SIZES)
    with pytest.raises(CommandError, match="the weights are for 2"):
        call_command(
            "import_model", str(published_file(path)), *SIZES, "--columns=a,b,c"
        )
