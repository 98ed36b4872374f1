"""Find a lens's distortion among what a file says of a camera, and refuse lenses that are no pinholes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from posezoo.errors import InputError

_COEFFICIENTS = ("k1", "k2", "p1", "p2", "k3")
# Of OpenCV's rational and thin-prism lenses, and of fisheyes.
_FURTHER = ("k4", "k5", "k6", "s1", "s2", "s3", "s4")
# Names as `_plain` leaves them: distCoeffs, dist_coeffs and DistCoeffs are one.
_OF_ALL = re.compile(r"(lens|camera|cam)?dist(ortions?)?(coef(f(icient)?)?s?)?")
_OF_RADIAL = re.compile(r"radial(dist(ortions?)?)?(coef(f(icient)?)?s?)?")
_OF_TANGENTIAL = re.compile(r"tang(ent(i?al))?(dist(ortions?)?)?(coef(f(icient)?)?s?)?")
_OF_MODEL = re.compile(
    r"((camera|cam|lens|distortions?|projection|intrinsics?|calibration)?(model|type)(name)?|lens|projection|distortions?)"
)
_SUSPECT = re.compile(r"distor|radial|tangen|distco|distpar|distvec")
# Near to those in letters, or about them, without being coefficients.
_INNOCENT = re.compile(r"undist|(model|type|name|error|err|rms|std)$")
# Words that stand in the names of no pinhole; names that are so short that others hold them must be the whole.
_NO_PINHOLE = (
    "fisheye", "equidist", "equisolid", "kannala", "omnidirectional", "stereographic", "equirect", "doublesphere",
    "thinprism", "scaramuzza", "unifiedcamera",
)  # fmt: skip
_NO_PINHOLE_WHOLE = (
    "equi", "kb", "kb3", "kb4", "kb8", "omni", "omninone", "omniradtan", "omniequi", "pinholeequi", "pinholefov", "fov",
    "ds", "dsnone", "ucm", "eucm", "eucmnone", "mei", "unified", "ocam", "ocamcalib", "spherical", "cylindrical",
    "catadioptric", "division", "orthographic",
)  # fmt: skip
_PINHOLE = re.compile(r"(?!.*(inverse|modified)).*(pinhole|perspective|opencv|plumbbob|brown|conrady|radtan|radial).*")
_PINHOLE_WHOLE = ("", "none", "nodistortion", "rational", "rationalpolynomial", "standard", "regular", "linear")


def is_list(name: object) -> bool:
    """Return whether under a name stand coefficients: all, the radial or the tangential ones."""
    forms = (_OF_ALL, _OF_RADIAL, _OF_TANGENTIAL)
    return name in ("D", "k", "p") or any(form.fullmatch(_plain(name)) for form in forms)


def is_number(name: object) -> bool:
    """Return whether under a name stands one coefficient."""
    return str(name).lower() in _COEFFICIENTS + _FURTHER


def shared_lens(content: Mapping[str, object]) -> dict[str, object]:
    """Return what stands beside cameras and holds for the lenses of all: a model, or coefficients."""
    return {
        name: value
        for name, value in content.items()
        if not isinstance(value, Mapping)
        and (is_list(name) or is_number(name) or _OF_MODEL.fullmatch(_plain(name)) or "fisheye" in _plain(name))
    }


def check_pinhole(entry: Mapping[str, object], where: str) -> None:
    """Refuse a camera that says that it is no pinhole.

    Raises:
        InputError: a fisheye, by whatever name, or another lens of a wide view.
    """
    for name, value in entry.items():
        plain = _plain(name)
        says = "fisheye" in plain and _is_true(value)
        for model in _texts(value) if _OF_MODEL.fullmatch(plain) else ():
            says |= any(word in _plain(model) for word in _NO_PINHOLE) or _plain(model) in _NO_PINHOLE_WHOLE
        if says:
            raise InputError(
                f"{where} is a fisheye, or another lens than a pinhole ({name} is {str(value)[:60]}); undistort its "
                "pictures, or its keypoints, first."
            )


def distortion_of(entry: Mapping[str, object], where: str) -> np.ndarray | None:
    """Return k1 k2 p1 p2 k3, None where there is no distortion.

    They stand in one list (``distortion``, ``distCoeffs`` and so on), under names of their own, or in a list of radial
    (``k``: k1 k2 k3) and one of tangential coefficients (``p``: p1 p2), as Human3.6M's, Campus' and Shelf's files have them.

    Raises:
        InputError: coefficients of another lens, lists that contradict each other, or what may be distortion under a name
            that nobody knows.
    """
    given = dict(_given(entry, where))
    for name, value in entry.items():
        if not is_list(name) and not is_number(name) and _may_be_distortion(name, value):
            raise InputError(
                f"{where} has {name!r}, perhaps distortion; expected it as 'distortion', k1 k2 p1 p2 k3: rename it, or "
                "remove it."
            )
    if not given:
        return None
    (first, found), *others = given.items()
    for other, values in others:
        if not np.allclose(found, values, rtol=1e-3, atol=1e-6, equal_nan=True):
            raise InputError(
                f"{where} has {first} {found.tolist()} and {other} {values.tolist()} of k1 k2 p1 p2 k3; expected one "
                "distortion: remove the other."
            )
    if not found.any():  # NaN counts as something, for Camera to refuse
        return None
    for name, value in entry.items():
        if re.fullmatch(r"distortions?(model|type)(name)?", _plain(name)):
            for model in map(_plain, _texts(value)):
                if not _PINHOLE.fullmatch(model) and model not in _PINHOLE_WHOLE:
                    raise InputError(
                        f"{where} has the {name} {str(value)[:60]!r}; expected k1 k2 p1 p2 k3 of OpenCV (plumb_bob, radtan, "
                        "brown): undistort its pictures, or its keypoints, first."
                    )
    return found


def _plain(name: object) -> str:
    """Return a name's letters and digits, in lower case."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def _is_true(value: object) -> bool:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, str):
        return value.strip().lower() not in ("", "0", "no", "none", "false", "off")
    return bool(value.any()) if isinstance(value, np.ndarray) else bool(value)


def _texts(value: object) -> list[str]:
    """Return a text, or the texts of a mapping."""
    if isinstance(value, np.ndarray):
        value = value.item() if value.size == 1 else None
    return [one for one in (value.values() if isinstance(value, Mapping) else [value]) if isinstance(one, str)]


def _numbers(value: object) -> np.ndarray:
    return np.ravel(np.asarray(value, dtype=np.float64))


def _given(entry: Mapping[str, object], where: str) -> Iterator[tuple[str, np.ndarray]]:
    """Give k1 k2 p1 p2 k3 by each of the ways in which they stand in a file."""
    entry = {name: value for name, value in entry.items() if value is not None}
    lists = [name for name in entry if _OF_ALL.fullmatch(_plain(name))]
    # Of short names, either may mean something else beside a long one: a distance, a depth.
    long = [name for name in lists if _plain(name) != "dist"]
    for name in long or lists or [name for name in entry if name == "D"]:
        if not any(_PINHOLE.fullmatch(_plain(text)) or _plain(text) in _PINHOLE_WHOLE for text in _texts(entry[name])):
            yield name, _padded(_numbers(entry[name]), where)
    # Other things are called so too, a matrix K1 or a person P1.
    alone = {str(name).lower(): _numbers(entry[name]) for name in entry if is_number(name) and _is_one(name, entry[name])}
    if set(_COEFFICIENTS) & set(alone):
        further = [name for name in _FURTHER if name in alone and alone[name].any()]
        if further:
            raise InputError(f"{where} has {', '.join(further)}; expected k1 k2 p1 p2 k3 alone.")
        yield "k1 to k3", np.array([float(alone[name][0]) if name in alone else 0.0 for name in _COEFFICIENTS])
    radial, tangential = ([name for name in entry if form.fullmatch(_plain(name))] for form in (_OF_RADIAL, _OF_TANGENTIAL))
    if radial or tangential:
        one, other = (_numbers(entry[names[0]] if names else ()) for names in (radial, tangential))
        yield ", ".join([*radial[:1], *tangential[:1]]), _joined(one, other, where)
    # A point or an index may be called so; those are as long as no coefficients are.
    k, p = (np.ravel(np.asarray(entry.get(name, ()))) for name in "kp")
    if 2 <= len(k) <= 8 and k.dtype.kind in "fiu":
        yield "k, p", _joined(_numbers(k), _numbers(p if len(p) <= 8 and p.dtype.kind in "fiu" else ()), where)


def _is_one(name: object, value: object) -> bool:
    """Return whether a value is one number; a text under the name of a radial coefficient is an error, not another thing."""
    array = np.asarray(value)
    return array.size == 1 and (array.dtype.kind in "fiu" or str(name).lower() in ("k1", "k2", "k3"))


def _joined(radial: np.ndarray, tangential: np.ndarray, where: str) -> np.ndarray:
    """Return k1 k2 p1 p2 k3 of k1 k2 k3, or fewer, and p1 p2."""
    if radial[3:].any() or (len(tangential) != 2 and tangential.any()):
        raise InputError(
            f"{where} has {len(radial)} radial and {len(tangential)} tangential coefficients; expected k1 k2 k3 and p1 p2."
        )
    k1, k2, k3 = np.append(radial[:3], np.zeros(3))[:3]
    p1, p2 = np.append(tangential, np.zeros(2))[:2]
    return np.array([k1, k2, p1, p2, k3])


def _padded(flat: np.ndarray, where: str) -> np.ndarray:
    """Return k1 k2 p1 p2 k3 of as many as there are; OpenCV leaves out k3, or adds coefficients of other lenses."""
    if flat[5:].any() or (len(flat) == 3 and flat[2]):
        raise InputError(f"{where} has {len(flat)} distortion coefficients; expected k1 k2 p1 p2 k3 alone, or without k3.")
    return np.append(flat[:5], np.zeros(5))[:5]


def _may_be_distortion(name: object, value: object) -> bool:
    """Return whether a name that nobody knows looks like distortion's, and what it stands for like coefficients."""
    plain = _plain(name)
    words = re.findall(r"[a-z]+|[A-Z][a-z]*", str(name))
    known = ("distortion", "distortioncoefficients", "distcoeffs", "tangential")
    near = _SUSPECT.search(plain) or difflib.get_close_matches(plain, known, n=1, cutoff=0.85)
    dist = "dist" in map(str.lower, words)
    if _INNOCENT.search(plain) or not (near or dist):
        return False
    if isinstance(value, Mapping):
        return bool(value)
    try:
        array = np.asarray(value)
        # One number beside "dist" is a distance.
        return array.dtype.kind in "fiu" and bool(array.any()) and (bool(near) or array.size > 1)
    except ValueError:  # lists of several lengths
        return isinstance(value, Sequence)
