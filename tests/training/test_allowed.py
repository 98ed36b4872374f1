"""Test that a recipe is data: what it names to be imported or called is refused by name, and nothing of it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from posezoo.cli import main
from posezoo.errors import CorruptFileError, InputError, PoseZooError
from posezoo.training import list_recipes, read_recipe, train

EVIL = {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", "ran"]}}
CHECKPOINT = "pytorch_lightning.callbacks.ModelCheckpoint"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(**sections) -> str:
    Path("evil.yaml").write_text(yaml.safe_dump({"paper": "svma", **sections}))
    return "evil.yaml"


def nested(path: str, value: object) -> dict:
    """Return settings by a dotted path."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


PLACES = [
    "strategy", "logger", "profiler", "plugins", "callbacks", "accelerator", "precision", "default_root_dir", "devices",
    "strategy.init_args.accelerator", "limit_train_batches", "not_a_setting",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", [EVIL, [EVIL], {"init_args": {"x": EVIL}}, {"dict_kwargs": EVIL}, yaml.safe_dump(EVIL)])
def test_the_trainer_makes_no_class_of_its_own_choice(place, value):
    with pytest.raises(PoseZooError):
        read_recipe(write(trainer=nested(place, value)))


@pytest.mark.parametrize("name", ["subprocess.Popen", "os.system", "evil.yaml", "builtins.exec", "Popen", "posezoo.load"])
@pytest.mark.parametrize("place", ["strategy", "logger", "profiler", "plugins", "callbacks"])
def test_a_name_alone_is_no_way_in(place, name):
    for value in (name, [name], {"class_path": name}):
        with pytest.raises(InputError, match="may not"):
            read_recipe(write(trainer={place: value}))


@pytest.mark.parametrize(
    "callback",
    [
        {"class_path": CHECKPOINT, "init_args": {"dirpath": EVIL}},
        {"class_path": CHECKPOINT, "init_args": {"dirpath": [{"deep": EVIL}]}},
        {"class_path": CHECKPOINT, "dict_kwargs": {"x": 1}},
        {"class_path": CHECKPOINT, "init_args": {"dict_kwargs": {"x": EVIL}}},
        {"class_path": CHECKPOINT, "class": "os.system"},
        {"class_path": "pytorch_lightning.callbacks.LambdaCallback", "init_args": {"on_fit_start": "os.abort"}},
        {"class_path": "pytorch_lightning.callbacks.StochasticWeightAveraging", "init_args": {"avg_fn": "os.abort"}},
        {"class_path": "pytorch_lightning.strategies.DDPStrategy", "init_args": {"ddp_comm_hook": "os.abort"}},
        {"class_path": "pytorch_lightning.strategies.DDPStrategy", "init_args": {"cluster_environment": EVIL}},
        {"class_path": "pytorch_lightning.loggers.WandbLogger", "init_args": {"kwargs": {"x": EVIL}}},
        {"class_path": "pytorch_lightning.profilers.PyTorchProfiler", "init_args": {"schedule": "os.abort"}},
        {"class_path": ["os", "system"]},
        {"class_path": None},
    ],
)
def test_lightnings_own_classes_bring_in_no_others(callback):
    for value in (callback, [callback]):
        with pytest.raises(InputError):
            read_recipe(write(trainer={"callbacks": value}))


@pytest.mark.parametrize("section", ["model", "data"])
@pytest.mark.parametrize("value", [EVIL, [EVIL], {"a": {"b": EVIL}}, yaml.safe_dump(EVIL), '{"class_path": "os.abort"}'])
def test_model_and_data_take_values_alone(section, value):
    with pytest.raises(InputError, match="names a class"):
        read_recipe(write(**{section: {"width": value}}))
    with pytest.raises(PoseZooError):
        read_recipe(write(**{section: EVIL}))


@pytest.mark.parametrize(
    "content",
    [
        {"optimizer": EVIL}, {"lr_scheduler": EVIL}, {"config": "other.yaml"}, {"trainer.strategy": EVIL},
        {"ckpt_path": "x"}, {"trainer": {"strategy.class_path": "os.abort"}}, {"trainer": [EVIL]}, {"model": 3},
        {"paper": 3}, {"paper": ["svma"]},
    ],
)  # fmt: skip
def test_other_keys_and_sections_are_refused(content):
    with pytest.raises(PoseZooError):
        read_recipe(write(**content))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x00paper", b"paper: svma\nmodel: {width: \xe9}", b"", b"paper: [", b"[]", b"3",
        b"a: !!python/name:os.system",
        b"paper: svma\nmodel: &a [*a]", b"paper: svma\nmodel: {a: !!binary aGk=}", b"paper: svma\nmodel: {a: 2020-13-45}",
        b"paper: svma\nmodel: {? [1]: 2}", b"paper: svma\nmodel: {a: " + b"9" * 5000 + b"}",
        b"paper: svma\n" + b"x" * (2 << 20),
        pytest.param(b"paper: svma\nmodel: " + b"[" * 10_000 + b"]" * 10_000, marks=pytest.mark.slow),
        b"paper: svma\nmodel: " + b"{a: " * 10_000 + b"}" * 10_000,
        b"paper: svma\na: &a [1,1,1,1,1,1,1,1,1]\n" + b"".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n".encode() for n in range(9)
        ),
    ],
)  # fmt: skip
def test_files_that_are_no_recipes_are_refused_in_one_sentence(data, capsys):
    Path("bad.yaml").write_bytes(data)
    with pytest.raises((CorruptFileError, InputError)) as caught:
        read_recipe("bad.yaml")
    assert "\n" not in str(caught.value)
    assert main(["train", "bad.yaml"]) == 2


def test_an_alias_bomb_in_a_section_ends_at_once():
    rows = ["&a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    rows += [f"&a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    Path("bomb.yaml").write_text("paper: svma\nmodel:\n" + "".join(f"  k{n}: {row}\n" for n, row in enumerate(rows)))
    with pytest.raises(CorruptFileError, match="10,000 values"):
        read_recipe("bomb.yaml")


def test_lightnings_own_classes_are_allowed():
    stopping = {"class_path": "EarlyStopping", "init_args": {"monitor": "val/bone_spread", "patience": 3}}
    trainer = {"callbacks": [stopping, {"class_path": f"lightning.pytorch{CHECKPOINT[17:]}"}], "strategy": "ddp_spawn"}
    assert read_recipe(write(trainer=trainer))[1]["trainer"] == trainer


@pytest.mark.parametrize("name", list_recipes())
def test_our_own_recipes_are_data(name):
    assert read_recipe(name)[0]


def test_a_class_of_ones_own_is_allowed_by_the_user_alone(monkeypatch):
    Path("my_callbacks.py").write_text("import pytorch_lightning as pl\n\n\nclass Mine(pl.Callback):\n    pass\n")
    monkeypatch.syspath_prepend(".")
    recipe = write(trainer={"callbacks": [{"class_path": "my_callbacks.Mine"}]})
    with pytest.raises(InputError, match="--allow-class"):
        read_recipe(recipe)
    assert read_recipe(recipe, ["my_callbacks.Mine"])[1]
    for path in ("my_callbacks.Other", "no_such_package.Mine", "my_callbacks", "os.path.join"):
        assert main(["train", recipe, "--allow-class", path]) == 2


@pytest.mark.parametrize(
    "override",
    [
        ["--trainer.profiler", "subprocess.Popen"],
        ["--trainer.callbacks", '[{"class_path": "pytorch_lightning.callbacks.LambdaCallback"}]'],
        ["--config", "evil.yaml"],
        ["--model.width", "-3"],
        ["--data.batch_size", "0"],
    ],
)
def test_overrides_that_cannot_be_are_one_sentence(override):
    with pytest.raises(InputError) as caught:
        train("svma.cmu", "run", ["--data.dataset", "procedural", *override])
    assert "\n" not in str(caught.value)
    assert not Path("ran").exists()
