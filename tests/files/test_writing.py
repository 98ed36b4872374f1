"""Test that files are written whole or not at all, and that the next writer removes what killed writers left."""

import os
import signal
import subprocess
import sys

import pytest

from posezoo.errors import SaveError
from posezoo.files.writing import atomic_write

WRITER = """
import sys, time
from posezoo.files.writing import atomic_write
with atomic_write(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def writer(path):
    """A process that is in the middle of writing."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == "writing"
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
def test_what_a_killed_writer_left_is_cleaned_and_a_live_ones_is_not(tmp_path):
    target = tmp_path / "result.npz"
    killed, alive = writer(target), writer(target)
    try:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert len(os.listdir(tmp_path)) == 2
        with atomic_write(target) as temporary:
            temporary.write_text("whole")
        (left,) = [entry for entry in tmp_path.iterdir() if entry != target]
        assert (left / "part.npz").read_text() == "half"  # of the one that lives
        assert target.read_text() == "whole"
    finally:
        alive.kill()
        alive.wait()
    with atomic_write(target) as temporary:
        temporary.write_text("again")
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.npz"]


def test_two_writers_of_one_process_do_not_clean_each_other(tmp_path):
    target = tmp_path / "a.json"
    with atomic_write(target) as first:
        first.write_text("first")
        with atomic_write(target) as second:
            second.write_text("second")
        assert first.read_text() == "first"
    assert target.read_text() == "first"
    assert os.listdir(tmp_path) == ["a.json"]


def test_other_targets_and_other_files_are_left_alone(tmp_path):
    (tmp_path / ".0123456789ab.npz").write_text("somebody's")
    with atomic_write(tmp_path / "b.json") as one:
        one.write_text("b")
        with atomic_write(tmp_path / "c.json") as other:
            other.write_text("c")
        assert one.exists()
    assert sorted(os.listdir(tmp_path)) == [".0123456789ab.npz", "b.json", "c.json"]


def test_a_failure_leaves_what_stood_there(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("before")

    def interrupted():
        with atomic_write(target) as temporary:
            temporary.write_text("after")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert (target.read_text(), os.listdir(tmp_path)) == ("before", ["a.txt"])
    with pytest.raises(SaveError, match="its folder does not exist"), atomic_write(tmp_path / "no" / "a.txt") as temporary:
        temporary.write_text("never")
    name = "ü" * 120 + ".txt"  # 244 bytes, as long as names may be
    with atomic_write(tmp_path / name) as temporary:
        temporary.write_text("long")
    assert (tmp_path / name).read_text() == "long"
    with pytest.raises(SaveError, match="too long"), atomic_write(tmp_path / ("x" * 300)) as temporary:
        temporary.write_text("longer")
