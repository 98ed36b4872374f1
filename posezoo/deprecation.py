"""Old names for one release: a warning now, an error in the next.

A module that moved is listed in :data:`MOVED_MODULES`. A name that moved inside a module is given to
:func:`deprecated_names`.
"""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec

MOVED_MODULES: dict[str, str] = {
    "posezoo.data.bvh": "posezoo.formats.bvh",
    "posezoo.data.cameras": "posezoo.formats.cameras",
    "posezoo.data.datasets": "posezoo.data.named",
    "posezoo.data.exports": "posezoo.poses.exports",
    "posezoo.data.exports.bvh_writing": "posezoo.poses.exports.bvh_writing",
    "posezoo.data.exports.clip": "posezoo.poses.exports.clip",
    "posezoo.data.exports.table": "posezoo.poses.exports.table",
    "posezoo.data.exports.trc": "posezoo.poses.exports.trc",
    "posezoo.data.hdf5": "posezoo.files.hdf5",
    "posezoo.data.keypoints": "posezoo.formats.keypoints",
    "posezoo.data.keypoints.alphapose": "posezoo.formats.keypoints.alphapose",
    "posezoo.data.keypoints.checks": "posezoo.poses.checks",
    "posezoo.data.keypoints.clips": "posezoo.formats.keypoints.clips",
    "posezoo.data.keypoints.coco": "posezoo.formats.keypoints.coco",
    "posezoo.data.keypoints.containers": "posezoo.formats.keypoints.containers",
    "posezoo.data.keypoints.deeplabcut": "posezoo.formats.keypoints.deeplabcut",
    "posezoo.data.keypoints.formats": "posezoo.formats.keypoints.formats",
    "posezoo.data.keypoints.hourglass": "posezoo.formats.keypoints.hourglass",
    "posezoo.data.keypoints.inspection": "posezoo.poses.inspection",
    "posezoo.data.keypoints.kinetics": "posezoo.formats.keypoints.kinetics",
    "posezoo.data.keypoints.lsp": "posezoo.formats.keypoints.lsp",
    "posezoo.data.keypoints.mediapipe": "posezoo.formats.keypoints.mediapipe",
    "posezoo.data.keypoints.mpii": "posezoo.formats.keypoints.mpii",
    "posezoo.data.keypoints.names": "posezoo.formats.keypoints.names",
    "posezoo.data.keypoints.openpose": "posezoo.formats.keypoints.openpose",
    "posezoo.data.keypoints.pandas_hdf5": "posezoo.files.pandas_hdf5",
    "posezoo.data.keypoints.plain": "posezoo.formats.keypoints.plain",
    "posezoo.data.keypoints.sides": "posezoo.poses.sides",
    "posezoo.data.keypoints.table": "posezoo.formats.keypoints.table",
    "posezoo.data.keypoints.videopose3d": "posezoo.formats.keypoints.videopose3d",
    "posezoo.data.matlab": "posezoo.files.matlab",
    "posezoo.data.mpii_files": "posezoo.formats.mpii",
    "posezoo.data.pickles": "posezoo.files.pickles",
    "posezoo.data.pictures.datasets": "posezoo.data.named_pictures",
    "posezoo.data.pictures.h36m": "posezoo.data.h36m.pictures",
    "posezoo.data.pictures.h36m_frames": "posezoo.data.h36m.frames",
    "posezoo.data.pictures.mpi_inf_3dhp": "posezoo.data.mpi_inf_3dhp.pictures",
    "posezoo.data.pictures.mpii": "posezoo.data.mpii.pictures",
    "posezoo.data.pictures.opencv": "posezoo.files.opencv",
    "posezoo.data.pictures.rendered": "posezoo.data.rendered",
    "posezoo.data.pictures.rendered.dataset": "posezoo.data.rendered",
    "posezoo.data.pictures.rendered.people": "posezoo.synthetic.capsules",
    "posezoo.data.pictures.rendered.scenes": "posezoo.synthetic.scenes",
    "posezoo.data.pictures.rendered.tracing": "posezoo.synthetic.tracing",
    "posezoo.data.posedata": "posezoo.poses.posedata",
    "posezoo.data.prediction": "posezoo.poses.prediction",
    "posezoo.data.reading": "posezoo.files.reading",
    "posezoo.data.smoothing": "posezoo.video.smoothing",
    "posezoo.data.synthetic": "posezoo.synthetic",
    "posezoo.data.synthetic.bodies": "posezoo.synthetic.bodies",
    "posezoo.data.synthetic.body": "posezoo.synthetic.body",
    "posezoo.data.synthetic.capsules": "posezoo.synthetic.capsules",
    "posezoo.data.synthetic.drawing": "posezoo.synthetic.drawing",
    "posezoo.data.synthetic.motions": "posezoo.synthetic.motions",
    "posezoo.data.synthetic.postures": "posezoo.synthetic.postures",
    "posezoo.data.synthetic.preparing": "posezoo.synthetic.preparing",
    "posezoo.data.synthetic.scenes": "posezoo.synthetic.scenes",
    "posezoo.data.synthetic.tracing": "posezoo.synthetic.tracing",
    "posezoo.data.synthetic.turning": "posezoo.synthetic.turning",
    "posezoo.data.tracking": "posezoo.video.tracking",
    "posezoo.data.videopose3d": "posezoo.formats.videopose3d",
    "posezoo.data.views": "posezoo.poses.views",
    "posezoo.detectors": "posezoo.video.detectors",
    "posezoo.detectors.base": "posezoo.video.detectors.base",
    "posezoo.detectors.mediapipe": "posezoo.video.detectors.mediapipe",
    "posezoo.detectors.rtmlib": "posezoo.video.detectors.rtmlib",
    "posezoo.detectors.torchvision": "posezoo.video.detectors.torchvision",
    "posezoo.detectors.video": "posezoo.video.reading",
    "posezoo.lifting.picture_metrics": "posezoo.metrics.picture_report",
    "posezoo.lifting.tracks": "posezoo.video.lifting",
}
"""Where the modules of 0.1.0 lie now, by their old paths."""


def warn_deprecated(old: str, new: str, stacklevel: int = 2) -> None:
    """Warn that ``old`` is called ``new`` now and goes with the next release.

    Args:
        old: the dotted path that was used.
        new: the dotted path to use.
        stacklevel: how many calls up the user's own line lies, as :func:`warnings.warn` counts them.
    """
    warnings.warn(
        f"{old} is {new} now; the old name goes with the next release.", DeprecationWarning, stacklevel=stacklevel + 1
    )


def deprecated_names(module: str, names: Mapping[str, str]) -> Callable[[str], object]:
    """Return a ``__getattr__`` for a module that serves moved names with a warning.

    Args:
        module: the module whose ``__getattr__`` this becomes, ``__name__``.
        names: dotted paths of the new homes by the old names.

    Example:
        >>> getter = deprecated_names("here", {"isqrt": "math.isqrt"})
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     root = getter("isqrt")(16)
        >>> root, str(caught[0].message)
        (4, 'here.isqrt is math.isqrt now; the old name goes with the next release.')
    """

    def getter(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_deprecated(f"{module}.{name}", names[name], stacklevel=2)
        home, _, attribute = names[name].rpartition(".")
        return getattr(import_module(home), attribute)

    return getter


class _Alias(types.ModuleType):
    """A module under its old path, whose names are those of the new one."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__(old, f"Deprecated: use {new}.")
        # An empty path makes the alias a package, so that the finder is asked for the modules below it.
        self.__dict__.update(_new=new, __path__=[])

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(import_module(self.__dict__["_new"]), name)

    def __dir__(self) -> list[str]:
        return dir(import_module(self.__dict__["_new"]))


class _MovedModules(MetaPathFinder, Loader):
    """Find modules by their old paths."""

    def find_spec(
        self, fullname: str, path: Iterable[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in MOVED_MODULES:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return _Alias(spec.name, MOVED_MODULES[spec.name])

    def exec_module(self, module: types.ModuleType) -> None:
        # The frames between the user's import statement and this line are those of importlib, which warnings skips.
        warn_deprecated(module.__name__, MOVED_MODULES[module.__name__], stacklevel=2)


def install() -> None:
    """Serve moved modules under their old paths; a second call changes nothing."""
    if not any(isinstance(finder, _MovedModules) for finder in sys.meta_path):
        # First, because folders left by an older checkout would be found as namespace packages.
        sys.meta_path.insert(0, _MovedModules())
