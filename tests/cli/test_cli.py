"""Test the command line: output, exit codes, and one sentence for bad input."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import posezoo
from posezoo.cli import main
from posezoo.data import Prediction, load_dataset, read_keypoints
from posezoo.errors import InputError
from posezoo.lifting import evaluate
from posezoo.metrics.functional import p_mpjpe
from posezoo.registry import DEFAULT_LIFTER, build, resolve, save
from posezoo.video import lift
from tests.cli.commands import refused, run

PEOPLE = {"split": "test", "actions": ["walk"], "frames_per_clip": 4}

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def keypoints(tmp_path, people):
    path = tmp_path / "people.npz"
    np.savez(path, keypoints=people.keypoints_2d, skeleton="h36m17")
    return path


def test_list_and_info(capsys):
    assert run("list", "--json") == 0
    cards = json.loads(capsys.readouterr().out)
    assert {"martinez.cmu", "svma.cmu"} <= {card["name"] for card in cards}
    assert run("list") == 0
    assert "svma.cmu" in capsys.readouterr().out
    assert run("info", "svma", "--json") == 0
    card = json.loads(capsys.readouterr().out)
    assert card["paper"]["year"] == 2021
    assert run("info", "martinez") == 0
    assert "sha256" in capsys.readouterr().out


def test_info_of_weights_says_one_thing_a_line(tmp_path, capsys):
    path = save(
        build("svma", {"width": 8, "critic_width": 8}), tmp_path / "a.safetensors", validation={"after": {"drift": 0.25}}
    )
    assert run("info", path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"settings.width: 8", "settings.student: None", "validation.after.drift: 0.25"} <= set(lines)
    assert not [line for line in lines if "{" in line]


def test_names_and_cards_need_no_torch():
    code = "import sys, posezoo; posezoo.list_models(); posezoo.info('svma'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "svma", "none.json", "-o", "out.npz"],
        ["view", "none.npz"],
        ["finetune", "svma", "none.json", "--out", "mine"],
    ],
)
def test_a_file_that_is_not_there_is_said_before_torch_is_imported(arguments):
    code = f"import sys; from posezoo.cli import main; print(main({arguments}), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["2", "False"]
    assert "is not there" in done.stderr


def test_predict_writes_a_result_that_says_what_it_is(keypoints, tmp_path, people, capsys):
    for ending in ("npz", "json"):
        out = tmp_path / f"out.{ending}"
        assert run("predict", "svma", keypoints, "-o", out) == 0
        result = Prediction.load(out)
        assert result.pose_3d.shape == (len(people), 17, 3)
        assert (result.skeleton.name, result.unit, result.model) == ("h36m17", "relative", "svma.mocap")
    assert f"{len(people)} poses" in capsys.readouterr().out


def test_predict_draws(keypoints, tmp_path):
    picture, page = tmp_path / "people.png", tmp_path / "people.html"
    assert run("predict", "svma", keypoints, "-o", tmp_path / "o.npz", "--picture", picture, "--html", page) == 0
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "<html" in page.read_text(encoding="utf-8")[:2000].lower()


def test_eval_gives_every_metric_beside_the_baseline(brief_people, capsys):
    assert run("eval", "svma", "--data", "procedural", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert {"p_mpjpe", "n_mpjpe", "pck_aligned", "symmetry_error", "per_action", "per_joint"} <= set(result)
    assert run("eval", "flat", "--data", "procedural", "--json") == 0
    assert result["p_mpjpe"] < json.loads(capsys.readouterr().out)["p_mpjpe"]
    assert run("eval", "svma") == 0
    assert "flat depth" in capsys.readouterr().out


def test_demo_is_refused_a_file_before_it_lifts(tmp_path, capsys):
    (tmp_path / "demo").write_text("mine")
    assert "is a file; name a folder" in refused(capsys, "demo", "--out", tmp_path / "demo")
    assert (tmp_path / "demo").read_text() == "mine"


def test_demo_scores_and_draws(tmp_path, brief_people, capsys):
    assert run("demo", "--out", tmp_path / "demo") == 0
    printed = capsys.readouterr().out
    assert "P-MPJPE" in printed
    assert (tmp_path / "demo" / "demo.png").stat().st_size > 50_000
    assert (tmp_path / "demo" / "demo.html").stat().st_size > 1_000_000
    assert str((tmp_path / "demo" / "demo.html").resolve()) in printed


def test_bad_input_is_one_sentence_and_exit_code_2(keypoints, tmp_path, people, capsys):
    out = tmp_path / "o.npz"
    assert "did you mean svma" in refused(capsys, "predict", "svmaa", keypoints, "-o", out)
    assert "not there" in refused(capsys, "predict", "svma", tmp_path / "none.npz", "-o", out)
    assert ".npz or .json" in refused(capsys, "predict", "svma", keypoints, "-o", tmp_path / "o.txt")
    assert "coco17" in refused(capsys, "predict", "svma", keypoints, "-o", out, "--skeleton", "coco71")
    assert "input itself" in refused(capsys, "predict", "svma", keypoints, "-o", keypoints)
    assert "no folder" in refused(capsys, "predict", "svma", keypoints, "-o", tmp_path / "none" / "o.npz")
    (tmp_path / "folder.png").mkdir()
    assert "is a folder" in refused(capsys, "predict", "svma", keypoints, "-o", out, "--picture", tmp_path / "folder.png")
    assert ".html" in refused(capsys, "predict", "svma", keypoints, "-o", out, "--html", tmp_path / "page.txt")
    assert "unknown option" in refused(capsys, "predict", "svma", keypoints, "-o", out, "--pictures", "x")
    assert "required" in refused(capsys, "predict", "svma", keypoints)
    assert "did you mean list?" in refused(capsys, "liszt")
    refused(capsys, "eval", "svma", "--data", "openmocap")
    refused(capsys, "eval", "svma", "--data", "openmocap", "--path", keypoints)

    files = {"empty.npz": b"", "text.json": b"hello", "empty.json": b"", "empty.csv": b""}
    whole = keypoints.read_bytes()
    files["cut.npz"] = whole[: len(whole) // 2]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        refused(capsys, "predict", "svma", tmp_path / name, "-o", out)
    broken = people.keypoints_2d.copy()
    broken[0, 3] = np.nan
    np.savez(tmp_path / "nan.npz", keypoints=broken, skeleton="h36m17")
    assert "right_ankle" in refused(capsys, "predict", "svma", tmp_path / "nan.npz", "-o", out)
    np.savez(tmp_path / "count.npz", keypoints=broken[:, :16], skeleton="h36m17")
    assert "16" in refused(capsys, "predict", "svma", tmp_path / "count.npz", "-o", out)
    assert not out.exists()
    assert run("predict", "svma", tmp_path / "nan.npz", "-o", out, "--skip-incomplete") == 0
    assert len(Prediction.load(out)) == len(people) - 1
    assert "1 of" in capsys.readouterr().err


PYTHON = re.compile(r"\w=|\bcall\b|\w\(\)|\bposezoo\.[a-z]+\.[a-z]")
"""Advice for Python: arguments, calls and functions."""


@pytest.fixture
def damaged(tmp_path, monkeypatch):
    """Write a person's clip as ``gaps.npz``, ``kneeless.npz`` and so on, each damaged in its own way; return it whole."""
    monkeypatch.chdir(tmp_path)
    people = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=40)[:40]
    keypoints = people.keypoints_2d
    knee = people.skeleton.index("left_knee")
    gaps, kneeless = keypoints.copy(), keypoints.copy()
    gaps[10:18, knee], kneeless[:, knee] = np.nan, np.nan
    # Of another order of joints, which is nobody's.
    files = {"gaps": gaps, "kneeless": kneeless, "fractions": keypoints / 1000, "reversed": keypoints[:, ::-1]}
    for name, values in files.items():
        np.savez(f"{name}.npz", keypoints=values, skeleton="h36m17")
    np.savez("unnamed.npz", keypoints=keypoints)
    return keypoints


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("predict svma gaps.npz -o o.npz", ["geoselfsup", "--fill-gaps FRAMES", "--skip-incomplete"]),
        (
            "predict svma kneeless.npz -o o.npz --skip-incomplete",
            ["each of the 40 poses", "--fill-gaps FRAMES", "take geoselfsup", "posezoo data check kneeless.npz"],
        ),
        ("predict geoselfsup kneeless.npz -o o.npz --skip-incomplete", ["leave the option out, as this model fills in"]),
        ("predict svma kneeless.npz -o o.npz --fill-gaps 3", ["fill longer gaps (--fill-gaps)", "geoselfsup"]),
        ("predict svma unnamed.npz -o o.npz", ["--skeleton h36m17"]),
        ("predict svma gaps.npz -o o.npz --skeleton coco17", ["--skeleton coco17 contradicts"]),
        ("predict svma unnamed.npz -o o.npz --skeleton mpii16", ["mpii16 (--skeleton mpii16) has 16"]),
        ("eval svma --data h36m", ["--path FILE", "posezoo data prepare h36m"]),
        ("train svma.cmu --out run", ["--data.path FILE", "posezoo data prepare openmocap"]),
        ("eval svma --data realbench --path nowhere", ["(--path)"]),
        ("export cvugcn -o x.onnx", ["run posezoo predict"]),
        ("data prepare openmocap --source bvh --mpii nowhere -o o.h5", ["(--mpii)"]),
    ],
)
def test_errors_at_the_command_line_name_what_its_user_can_do(arguments, words, damaged, capsys):
    Path("bvh").mkdir()
    Path("bvh/walk.bvh").touch()
    message = refused(capsys, *arguments.split())
    assert [word for word in words if word not in message] == [], message
    assert not PYTHON.search(message), message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("predict svma fractions.npz -o o.npz", "as --image-size WIDTH HEIGHT does"),
        ("predict svma reversed.npz -o o.npz", "(--skeleton)"),
        ("data check fractions.npz", "--image-size WIDTH HEIGHT does so"),
        ("data check kneeless.npz", "(--fill-gaps FRAMES), or leave such poses out (--skip-incomplete)"),
        ("data check kneeless.npz --json", "(--fill-gaps FRAMES), or leave such poses out (--skip-incomplete)"),
    ],
)
def test_warnings_at_the_command_line_name_what_its_user_can_do(arguments, words, damaged, capsys):
    assert run(*arguments.split()) == 0
    captured = capsys.readouterr()
    assert words in " ".join((captured.out + captured.err).split())


def test_the_option_that_a_warning_names_does_what_it_says(damaged, capsys):
    assert run("predict", "svma", "fractions.npz", "-o", "o.npz", "--image-size", 1000, 1000) == 0
    assert "fractions" not in capsys.readouterr().err
    assert run("predict", "svma", "gaps.npz", "-o", "o.npz", "--fill-gaps", 8) == 0
    assert np.isfinite(Prediction.load("o.npz").pose_3d).all()


def test_errors_in_python_name_no_option(damaged):
    model, keypoints = posezoo.load("svma"), read_keypoints("gaps.npz").keypoints_2d
    with pytest.raises(InputError) as refusal:
        model.predict(keypoints, "h36m17")
    assert "incomplete='nan'" in str(refusal.value)
    assert "posezoo.video.lift" in str(refusal.value)
    assert "--" not in str(refusal.value)
    result = model.predict(keypoints, "h36m17", incomplete="nan")
    assert np.isnan(result.pose_3d).any((1, 2)).sum() == 8
    (lifted,) = lift("gaps.npz", model)
    assert np.isfinite(lifted.pose_3d).all()
    with pytest.raises(InputError, match=r"fill longer gaps \(max_gap=\), or"):
        lift("kneeless.npz", model)
    with pytest.raises(InputError, match=r"give path=FILE \(`posezoo data prepare h36m`"):
        load_dataset("h36m")
    with pytest.warns(UserWarning, match=r"read_keypoints\(image_size=\(width, height\)\)"):
        model.predict(damaged / 1000, "h36m17")


def test_weights_that_are_not_weights_are_refused(keypoints, tmp_path, capsys):
    from posezoo.registry import locate

    whole = locate("svma").read_bytes()
    for name, content in {"cut": whole[: len(whole) // 2], "empty": b"", "noise": b"\x00" * 1000}.items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(content)
        refused(capsys, "predict", path, keypoints, "-o", tmp_path / "o.npz")


def test_upside_down_people_are_warned_of(tmp_path, people, capsys):
    np.savez(tmp_path / "up.npz", keypoints=1000 - people.keypoints_2d, skeleton="h36m17")
    assert run("predict", "svma", tmp_path / "up.npz", "-o", tmp_path / "o.npz") == 0
    assert "y down" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_said(keypoints, tmp_path, capsys, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    message = refused(capsys, "predict", "svma", keypoints, "-o", tmp_path / "o.npz")
    assert "space" in message.lower()
    assert not (tmp_path / "o.npz").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"people.npz"}


def test_fractions_of_the_picture_need_its_size(tmp_path, capsys):
    from tests.formats.keypoint_samples import SIZE, WRITERS

    path, *_ = WRITERS["mediapipe"](tmp_path)
    out = tmp_path / "out.npz"
    assert "--image-size WIDTH HEIGHT" in refused(capsys, "predict", "svma", path, "-o", out)
    assert run("predict", "svma", path, "-o", out, "--image-size", *SIZE) == 0
    capsys.readouterr()
    assert Prediction.load(out).image_size == SIZE


def test_the_documented_schema_is_what_is_read(tmp_path, people, capsys):
    assert run("data", "schema") == 0
    text = capsys.readouterr().out
    assert "posezoo-keypoints/1" in text
    header = ",".join(f"{joint}_{part}" for joint in people.skeleton.joints for part in ("x", "y"))
    rows = [",".join(f"{value:.2f}" for value in pose.flatten()) for pose in people.keypoints_2d[:3]]
    (tmp_path / "own.csv").write_text("\n".join([header, *rows]) + "\n")
    assert run("predict", "svma", tmp_path / "own.csv", "-o", tmp_path / "o.json", "--skeleton", "h36m17") == 0
    assert len(Prediction.load(tmp_path / "o.json")) == 3


@pytest.mark.skipif(os.name == "nt", reason="a shell's redirection")
def test_commands_run_where_streams_are_closed(keypoints, tmp_path):
    out = tmp_path / "out.npz"
    command = (
        f"{shlex.quote(sys.executable)} -m posezoo predict svma {shlex.quote(str(keypoints))} -o {shlex.quote(str(out))}"
    )
    done = subprocess.run(["sh", "-c", f"{command} >&- 2>&-"], cwd=ROOT, check=False)
    assert done.returncode == 0
    assert Prediction.load(out).model == resolve("svma")


def test_data_prepare_and_info(tmp_path, capsys):
    from tests.formats.bvh_samples import write_person

    (tmp_path / "bvh").mkdir()
    write_person(tmp_path / "bvh" / "001_04.bvh", "character_creator", frames=21)
    out = tmp_path / "o.h5"
    assert run("data", "prepare", "openmocap", "--source", tmp_path / "bvh", "--out", out) == 0
    assert "test: 1 clips, 10 frames" in capsys.readouterr().out
    assert run("data", "prepare", "openmocap", "--source", tmp_path / "bvh", "--out", out) == 0
    assert "up to date" in capsys.readouterr().out
    assert run("eval", "svma", "--data", "openmocap", "--path", out) == 0
    write_person(tmp_path / "bvh" / "001_05.bvh", "character_creator", frames=21)
    assert run("data", "prepare", "openmocap", "--source", tmp_path / "bvh", "--out", out) == 0
    assert "replaced: its sources are others than before" in capsys.readouterr().out
    refused(capsys, "data", "prepare", "openmocap", "--source", tmp_path / "nothing", "--out", out)
    refused(capsys, "data", "info", tmp_path / "bvh" / "001_04.bvh")


def test_posezoo_alone_prints_its_help(capsys):
    assert main([]) == 0
    assert "predict" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list", "svmo"], "did you mean svma"),
        (["list", "qqq"], "svma.cmu"),
        (["eval", "svma", "--devise", "cpu"], "did you mean --device"),
        (["info", "svmo"], "did you mean svma"),
        (["predict", "integral", "x.npz", "-o", "y.npz"], "has no weights"),
    ],
)
def test_mistyped_names_get_a_suggestion(arguments, words, capsys):
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_a_mistyped_command_gets_a_suggestion(capsys):
    with pytest.raises(SystemExit):
        main(["predcit"])
    assert "did you mean predict" in capsys.readouterr().err


def commands_below(command):
    """Return the words of every command and of every command below one."""
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in dict.fromkeys(action.choices.values()):
                yield inner.prog.split()[1:]
                yield from commands_below(inner)


def test_every_command_shows_examples(capsys):
    from posezoo.cli import parser

    every = list(commands_below(parser()))
    assert {"predict", "data", "data check", "data schema"} <= {" ".join(words) for words in every}
    for words in every:
        with pytest.raises(SystemExit):
            main([*words, "--help"])
        shown = capsys.readouterr().out.partition("examples:\n")[2].splitlines()
        assert shown, words
        for line in shown:
            given = shlex.split(line)[1:]
            assert given[: len(words)] == words
            options, rest = parser().parse_known_args(given)
            assert options.command == words[0]
            assert words == ["train"] or not rest


def test_predict_without_a_model_takes_the_one_for_such_input(tmp_path, keypoints, capsys):
    assert run("predict", keypoints, "-o", tmp_path / "o.npz") == 0
    assert Prediction.load(tmp_path / "o.npz").model == resolve(DEFAULT_LIFTER)
    (tmp_path / "photo.jpg").write_bytes(b"none")
    assert "photo.jpg" in refused(capsys, "predict", tmp_path / "photo.jpg", "-o", tmp_path / "p.json")
    assert "give a file of keypoints" in refused(capsys, "predict", "svma", "-o", tmp_path / "p.json")
    torch.save({"state_dict": {}}, tmp_path / "model.pth")
    assert "another program" in refused(capsys, "predict", tmp_path / "model.pth", keypoints, "-o", tmp_path / "p.json")
    assert "is a folder" in refused(capsys, "predict", tmp_path, keypoints, "-o", tmp_path / "p.json")
    for name in ("svmo", "svmo.cmu"):
        assert "did you mean svma" in refused(capsys, "predict", name, "-o", tmp_path / "p.json")
    assert "clip.mp4 is not there" in refused(capsys, "predict", "clip.mp4", "-o", tmp_path / "p.html")
    assert "is an address" in refused(capsys, "predict", "https://example.org/clip.npz", "-o", tmp_path / "p.html")


def test_weights_are_downloaded_before_they_are_needed(capsys):
    assert main(["download", "svma"]) == 0
    assert "svma.mocap.safetensors" in capsys.readouterr().out


def test_completion_offers_commands_and_models(capsys, tmp_path):
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "posezoo.sh"
    script.write_text(capsys.readouterr().out)
    asked = (
        'source "$1"; COMP_WORDS=(posezoo $2); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _shtab_posezoo; echo "${COMPREPLY[@]}"'
    )
    models = " ".join(["svma", *posezoo.list_models("svma*")])
    for typed, offered in (("fine", "finetune"), ("info svm", models), ("eval --dat", "--data --data-dir")):
        run = subprocess.run(["bash", "-c", asked, "bash", script, typed], cwd=tmp_path, capture_output=True, text=True)
        assert run.stdout.split() == offered.split(), run.stderr


def test_what_is_not_there_is_said_as_that(capsys):
    assert "there is no model 'foo'" in refused(capsys, "list", "foo")
    assert main(["info", "integral"]) == 0
    assert "It has no weights here: train one of its recipes (integral.render_small" in capsys.readouterr().out


def test_own_keypoints_are_scored_against_the_3d_of_their_file(people, tmp_path, capsys):
    about = {"keypoints": people.keypoints_2d, "skeleton": "h36m17"}
    labelled = tmp_path / "labelled.npz"
    np.savez(labelled, **about, pose_3d=people.pose_3d / 1000, unit="m")
    assert run("eval", "svma", labelled, "--json") == 0
    found = json.loads(capsys.readouterr().out)["against_pose_3d"]
    expected = float(p_mpjpe(posezoo.load("svma").predict(people.keypoints_2d, "h36m17").pose_3d, people.pose_3d))
    assert found["svma"]["p_mpjpe"] == pytest.approx(expected, abs=0.01)
    assert found["flat depth"]["p_mpjpe"] == pytest.approx(evaluate(None, people)["p_mpjpe"], abs=0.01)
    assert run("eval", "svma", people.save(tmp_path / "saved.npz")) == 0
    assert f"svma against pose_3d: P-MPJPE {expected:.1f} mm" in capsys.readouterr().out
    np.savez(labelled, **about, pose_3d=people.pose_3d)
    assert "does not say its unit" in refused(capsys, "eval", "svma", labelled)
    np.savez(labelled, **about, pose_3d=people.pose_3d[1:], unit="mm")
    assert "as the keypoints" in refused(capsys, "eval", "svma", labelled)
    np.savez(labelled, **about, pose_3d=people.pose_3d / 1000, unit="mm")
    assert "legs of pose_3d are 0.8" in (said := refused(capsys, "eval", "svma", labelled))
    assert said.rstrip().endswith("say unit m.")
    np.savez(labelled, **about, pose_3d=np.full_like(people.pose_3d, np.nan), unit="mm")
    assert run("eval", "svma", labelled) == 0
    assert "no pose of pose_3d is whole" in capsys.readouterr().err
    own = posezoo.load("svma").predict(people.keypoints_2d, "h36m17").save(tmp_path / "lifted.npz")
    assert run("eval", "svma", own, "--json") == 0  # what a model wrote is no truth
    assert "against_pose_3d" not in json.loads(capsys.readouterr().out)


def test_own_keypoints_are_scored_without_3d_before_and_after(keypoints, tmp_path, capsys):
    tuned = save(posezoo.load("svma"), tmp_path / "mine.safetensors", finetuned_from="svma", seed=3)
    assert run("eval", tuned, keypoints) == 0
    said = capsys.readouterr().out
    assert "bone_spread" in said
    assert "+0.0 %" in said  # the same weights, before and after
    assert run("eval", "geoselfsup", keypoints, "--beside", "svma", "--json") == 0
    scores = json.loads(capsys.readouterr().out)["models"]
    assert list(scores) == ["geoselfsup", "svma"]
    assert scores["geoselfsup"]["bone_spread"] != scores["svma"]["bone_spread"]
    assert run("info", tuned) == 0
    said = capsys.readouterr().out
    assert "weights of svma" in said
    assert "finetuned_from: svma" in said
    assert "leave out --data" in refused(capsys, "eval", "svma", keypoints, "--data", "procedural")
    assert "posezoo eval MODEL FILE" in refused(capsys, "eval", "svma", "--beside", "geoselfsup")
    assert "of kind views" in refused(capsys, "eval", "cvugcn", keypoints)
