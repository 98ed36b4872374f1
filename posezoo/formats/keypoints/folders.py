"""List the frames in a folder, and say what a folder without frames holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from posezoo.errors import InputError, MissingFileError
from posezoo.files.endings import PICTURE_ENDINGS, VIDEO_ENDINGS, WEIGHT_ENDINGS

# Of models, beside their weights.
_SETTINGS = ("config.json", "config.yaml", "hparams.yaml", "preprocessor_config.json", "README.md", ".gitattributes")


def list_folder(path: Path, endings: Iterable[str]) -> tuple[str, list[Path]]:
    """Return the kind of a folder and its JSON files, else its texts; of a folder around a single one, that one's.

    Args:
        path: the folder.
        endings: of files that may hold keypoints, to name one where there are no frames.

    Raises:
        InputError: the folder of a model, or several folders of frames.
        MissingFileError: a folder of something else.
    """
    # macOS writes `._7.json` beside 7.json on other file systems.
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    weights = [entry for entry in entries if entry.suffix.lower() in WEIGHT_ENDINGS]
    others = [entry for entry in entries if entry.suffix.lower() in (".json", ".txt") and entry.name not in _SETTINGS]
    # A model may have one more such file than its settings, an index; more are frames that weights lie beside.
    if (weights and len(others) < 2) or (entries and all(entry.name in _SETTINGS for entry in entries)):
        model = weights[0] if weights else "svma"
        raise InputError(
            f"{path} is the folder of a model ({(weights or entries)[0].name}), and holds no keypoints; name the model "
            f"first, then a file of keypoints: posezoo predict {model} KEYPOINTS -o OUT."
        )
    files = {
        ending: [entry for entry in entries if entry.suffix.lower() == ending and entry.name != "classes.txt"]
        for ending in (".json", ".txt")
    }
    if files[".json"]:
        return "folder", files[".json"]
    if files[".txt"]:
        return "txt folder", files[".txt"]
    inner = [entry for entry in entries if entry.is_dir() and any(_holds_frames(file) for file in entry.iterdir())]
    if len(inner) == 1:
        return list_folder(inner[0], endings)
    if inner:
        names = ", ".join(entry.name for entry in inner[:6])
        raise InputError(f"{path} holds {len(inner)} folders of frames ({names}); give one of them, such as {inner[0]}.")
    raise MissingFileError(f"{path} {_of_other_files(path, entries, tuple(endings))}.")


def _holds_frames(file: Path) -> bool:
    return file.suffix.lower() in (".json", ".txt") and not file.name.startswith(".")


def _of_other_files(path: Path, entries: list[Path], readable: tuple[str, ...]) -> str:
    """Return what a folder without frames of keypoints holds, and what to do."""
    files = [entry for entry in entries if entry.is_file()]
    for endings, what, advice in (
        (PICTURE_ENDINGS, "pictures", f"find their people first: posezoo detect {path} -o keypoints.npz"),
        (VIDEO_ENDINGS, "videos", "give one of them: posezoo predict {} -o OUT"),
        (readable, "files", "give one of them, such as {}"),
    ):
        found = [file for file in files if file.suffix.lower() in endings]
        if found:
            return f"is a folder of {what} ({found[0].name}), not of frames; {advice.format(found[0])}"
    held = f"without .json files ({files[0].name})" if files else "without files"
    return f"is a folder {held}; expected a file, or a folder of frames (OpenPose's .json, Ultralytics' .txt)"
