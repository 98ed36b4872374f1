"""Test the terminal: no control codes in pipes, no colours under NO_COLOR, only JSON with ``--json``."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import threading

import numpy as np
import pytest

from posezoo.cli import main
from posezoo.cli.finetune_command import print_change
from posezoo.data import load_dataset
from tests.cli.commands import run

PEOPLE = {"split": "test", "actions": ["walk"], "frames_per_clip": 4}

COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


@pytest.fixture
def keypoints(tmp_path, people):
    """Write people who are upside down, which ``data check`` points out in colour."""
    path = tmp_path / "people.npz"
    np.savez(path, keypoints=1000 - people.keypoints_2d, skeleton="h36m17")
    return path


def printed_on_a_terminal(monkeypatch, *arguments: object) -> str:
    """Run a command on a terminal of its own; return what it writes."""
    own, theirs = os.openpty()
    heard: list[bytes] = []

    def listen() -> None:
        while True:
            try:
                heard.append(os.read(own, 65536))
            except OSError:  # the other end is closed
                return

    listener = threading.Thread(target=listen)
    listener.start()
    with open(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setenv("TERM", "xterm-256color")
        patch.setattr(sys, "stdout", terminal)
        assert main([str(argument) for argument in arguments]) == 0
    listener.join()
    os.close(own)
    return b"".join(heard).decode()


def test_a_console_that_lacks_characters_does_not_end_the_run(tmp_path, monkeypatch):
    walk = load_dataset("procedural")[:3].keypoints_2d
    np.savez(tmp_path / "\u041f\u043e\u0437\u0430.npz", keypoints=walk, skeleton="h36m17")
    narrow = [io.TextIOWrapper(io.BytesIO(), encoding="cp1252") for _ in range(2)]
    monkeypatch.setattr("sys.stdout", narrow[0])
    monkeypatch.setattr("sys.stderr", narrow[1])
    assert run("predict", "svma", tmp_path / "\u041f\u043e\u0437\u0430.npz", "-o", tmp_path / "\u041f.npz") == 0
    assert run("info", tmp_path / "\u041f.safetensors") == 2
    for stream, words in zip(narrow, (b"3 poses of h36m17", rb"\u041f.safetensors"), strict=True):
        stream.flush()
        assert words in stream.buffer.getvalue()
    assert (tmp_path / "\u041f.npz").is_file()


def test_a_pipe_gets_no_control_codes(keypoints, tmp_path, capsys):
    for command in (
        ["list"],
        ["info", "svma"],
        ["eval", "flat", "--data", "procedural"],
        ["predict", "svma", str(keypoints), "-o", str(tmp_path / "out.npz")],
        ["data", "check", str(keypoints)],
    ):
        assert main(command) == 0
        captured = capsys.readouterr()
        assert captured.out.strip()
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", captured.out + captured.err), command


def test_training_into_a_pipe_draws_no_bar(tmp_path, capsys):
    small = ["--model.width", "8", "--model.blocks", "1", "--data.dataset", "procedural", "--trainer.accelerator", "cpu"]
    assert main(["train", "martinez.cmu", "--steps", "2", "--out", str(tmp_path / "run"), *small]) == 0
    captured = capsys.readouterr()
    assert "weights ->" in captured.out
    assert "\r" not in captured.out + captured.err
    assert "it/s" not in captured.out + captured.err


def test_json_is_one_document_and_nothing_else(keypoints, tmp_path, capsys, people):
    documents = {}
    for name, command in {
        "list": ["list", "--json"],
        "info": ["info", "svma", "--json"],
        "eval": ["eval", "flat", "--data", "procedural", "--json"],
        "check": ["data", "check", str(keypoints), "--json"],
    }.items():
        assert main(command) == 0
        documents[name] = json.loads(capsys.readouterr().out)
    assert documents["info"] in documents["list"]
    assert documents["eval"]["p_mpjpe"] > 0
    assert documents["check"]["upside_down"] == 1.0
    assert main(["predict", "svma", str(keypoints), "-o", str(tmp_path / "out.json")]) == 0
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert np.asarray(document["pose_3d"]).shape == (len(people), 17, 3)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_no_color_leaves_colours_out_on_a_terminal(keypoints, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert COLOUR.search(printed_on_a_terminal(monkeypatch, "data", "check", keypoints))
    monkeypatch.setenv("NO_COLOR", "1")
    for command in (["data", "check", keypoints], ["list"], ["info", "svma"]):
        shown = printed_on_a_terminal(monkeypatch, *command)
        assert shown.strip()
        assert not COLOUR.search(shown)


@pytest.mark.parametrize(
    "command",
    [
        ["predict", "svma", "people.npz", "-o", "poses.npz", "--picture", "poses.png"],
        ["export", "svma", "-o", "svma.pt"],
        ["publish", "cvugcn", "--repo", "pose/zoo", "--dry-run", "-o", "hub"],
        ["finetune", "svma", "people.npz", "--out", "mine", "--epochs", "1", "--batch-size", "8"],
    ],
    ids=lambda command: command[0],
)
def test_quiet_commands_write_their_files_and_nothing_else(keypoints, tmp_path, monkeypatch, capfd, command):
    monkeypatch.chdir(tmp_path)
    written = set(tmp_path.iterdir())
    assert main([*command, "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")
    assert set(tmp_path.iterdir()) > written


def test_quiet_keeps_results_and_errors(keypoints, capsys):
    assert main(["list", "--quiet", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) > 5
    assert main(["predict", "nobody", str(keypoints), "-o", "x.npz", "--quiet"]) == 2
    assert capsys.readouterr().err.startswith("posezoo predict: error: ")


def test_nothing_is_drawn_in_silence():
    from posezoo.terminal import progress, progress_console, silence

    with silence():
        console = progress_console()
        assert console.quiet
        assert list(progress([1, 2, 3], "counting", patience=-1.0)) == [1, 2, 3]
    assert not progress_console().quiet


def test_loading_is_said_while_libraries_are_imported(keypoints, monkeypatch):
    import io

    import posezoo.lifting  # noqa: F401

    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", screen)
    command = ["predict", "svma", str(keypoints), "-o", str(keypoints.with_name("out.npz"))]
    assert main(command) == 0
    assert "loading" not in screen.getvalue()  # they are there already
    monkeypatch.delitem(sys.modules, "posezoo.lifting")
    assert main(["predict", "nobody", "x.npz", "-o", "y.npz"]) == 2
    assert "loading" not in screen.getvalue()  # refused at once
    assert main([*command, "--quiet"]) == 0
    assert "loading" not in screen.getvalue()
    monkeypatch.delitem(sys.modules, "posezoo.lifting")
    assert main(command) == 0
    assert "loading ..." in screen.getvalue()


def test_metrics_that_do_not_vary_have_no_change_in_percent(capsys):
    print_change({"bone_spread": 0.0, "symmetry_error": 0.2}, {"bone_spread": 0.0, "symmetry_error": 0.1}, "one pose")
    out = capsys.readouterr().out
    assert "-50.0 %" in out
    assert out.count("%") == 1
