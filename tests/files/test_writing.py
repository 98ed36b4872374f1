"""Test that files are written whole or not at all, and that the next writer removes what killed writers left."""

import errno
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys

import pytest

from posezoo.errors import InputError, SaveError
from posezoo.files import writing
from posezoo.files.writing import atomic_write, write_folder_whole, write_whole

WRITER = """
import sys, time
from posezoo.files.writing import atomic_write
with atomic_write(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def writer(path):
    """Start a process that is in the middle of writing."""
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


def _left(target):
    """Return the folder that a writer of ``target`` leaves if it is killed before it takes its lock."""
    name = hashlib.sha256(target.name.encode()).hexdigest()[:16]
    return target.with_name(f".{name}.0123456789ab.writing")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
@pytest.mark.parametrize("locked", [False, True])
def test_what_a_writer_left_that_was_killed_at_its_first_step_is_cleaned(tmp_path, locked):
    left = _left(tmp_path / "result.npz")
    left.mkdir()
    if locked:
        (left / "lock").touch()
    with atomic_write(tmp_path / "result.npz") as temporary:
        temporary.write_text("whole")
    assert os.listdir(tmp_path) == ["result.npz"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
@pytest.mark.parametrize("removed", [False, True])
def test_a_writer_whose_folder_is_cleaned_before_it_has_its_lock_begins_again(tmp_path, monkeypatch, removed):
    real, seen = writing.fcntl.flock, []

    def flock(lock, operation):
        seen.append({path.name for path in tmp_path.iterdir()})
        if len(seen) == 1:  # another writer took the folder for one that was left
            if not removed:
                raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
            shutil.rmtree(*tmp_path.iterdir())
        real(lock, operation)

    monkeypatch.setattr(writing.fcntl, "flock", flock)
    with atomic_write(tmp_path / "result.npz") as temporary:
        assert temporary.parent.name not in seen[0]
        temporary.write_text("whole")
    assert len(seen) == 2
    assert (tmp_path / "result.npz").read_text() == "whole"
    assert {path.name for path in tmp_path.iterdir()} == {"result.npz"} | (set() if removed else seen[0])


def test_folders_are_written_whole(tmp_path):
    files = {"a.txt": b"a", "b.bin": b"\x00"}
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        folder = write_folder_whole(tmp_path / name, files)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "c").touch()
    for folder, content, words in (
        ("full", files, "holds something"),
        ("half", {"a.txt": b"a", "no/b.txt": b"b"}, "does not exist"),
        ("no/deep", files, "does not exist"),
    ):
        with pytest.raises(SaveError, match=words):
            write_folder_whole(tmp_path / folder, content)
    assert sorted(os.listdir(tmp_path)) == ["empty", "full", "new"]
    assert os.listdir(tmp_path / "full") == ["c"]


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


def test_names_that_are_too_long_and_folders_that_are_missing(tmp_path):
    with pytest.raises(SaveError, match="its folder does not exist"), atomic_write(tmp_path / "no" / "a.txt") as temporary:
        temporary.write_text("never")
    name = "ü" * 120 + ".txt"  # 244 bytes, as long as names may be
    with atomic_write(tmp_path / name) as temporary:
        temporary.write_text("long")
    assert (tmp_path / name).read_text() == "long"
    with pytest.raises(SaveError, match="too long"), atomic_write(tmp_path / ("x" * 300)) as temporary:
        temporary.write_text("longer")


def test_atomic_write_replaces_and_leaves_one_file(tmp_path):
    target = tmp_path / "a.npz"
    target.write_text("old")
    with atomic_write(target) as temporary:
        assert temporary.parent.parent == tmp_path  # of one disk, so that renaming is one step
        assert temporary.suffix == ".npz"
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.npz"]


def test_what_a_link_points_to_is_replaced(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "a.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    with atomic_write(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "link.txt"]


def test_atomic_write_follows_the_umask(tmp_path):
    old = os.umask(0o022)
    try:
        with atomic_write(tmp_path / "a") as temporary:
            temporary.write_text("new")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


@pytest.mark.parametrize("failure", [ZeroDivisionError("x"), KeyboardInterrupt(), RuntimeError("x"), InputError("x.")])
def test_atomic_write_leaves_the_old_file_after_a_failure(tmp_path, failure):
    target = tmp_path / "a"
    target.write_text("old")

    def write():
        with atomic_write(target) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(type(failure)):
        write()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (OSError(errno.EDQUOT, "Quota exceeded"), "quota"),
        (PermissionError(errno.EACCES, "Permission denied"), "permission"),
        (OSError(errno.EROFS, "Read-only file system"), "read-only"),
        # What h5py raises, with and without an errno.
        (OSError("Can't synchronously write data (errno = 28, error message = 'No space left on device')"), "disk is full"),
        (RuntimeError("Unable to flush file (error message = 'No space left on device')"), "disk is full"),
    ],
)
def test_failed_writes_are_one_sentence(tmp_path, failure, words):
    def write():
        with atomic_write(tmp_path / "a") as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(SaveError, match=words) as caught:
        write()
    assert "\n" not in str(caught.value)
    assert "a was not written" in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_at_the_last_moment(tmp_path, monkeypatch):
    def fsync(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", fsync)
    with pytest.raises(SaveError, match="disk is full"), atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("whole")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_really_full_device(tmp_path):
    with pytest.raises(SaveError, match="disk is full"), atomic_write(tmp_path / "a"), open("/dev/full", "w") as full:
        full.write("x")


def test_missing_folder_and_folder_for_file(tmp_path):
    with pytest.raises(SaveError, match="create it first"), atomic_write(tmp_path / "no" / "a"):
        pytest.fail("the block must not run")
    (tmp_path / "b").mkdir()
    with pytest.raises(SaveError, match="folder"), atomic_write(tmp_path / "b"):
        pytest.fail("the block must not run")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_or_a_device_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "link.npz").symlink_to(tmp_path / "pipe.npz")
    for name in ("pipe.npz", "link.npz"):
        with pytest.raises(SaveError, match="a device or a pipe is there; name a file"), atomic_write(tmp_path / name):
            pytest.fail("the block must not run")
    assert stat.S_ISFIFO((tmp_path / "pipe.npz").stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["link.npz", "pipe.npz"]


@pytest.mark.parametrize(("content", "expected"), [("überall\n", "überall\n".encode()), (b"\x00\xff", b"\x00\xff")])
def test_text_and_bytes_are_written_whole(tmp_path, content, expected):
    assert write_whole(tmp_path / "a", content) == tmp_path / "a"
    assert (tmp_path / "a").read_bytes() == expected
    with pytest.raises(SaveError, match="folder does not exist"):
        write_whole(tmp_path / "no" / "a", content)
