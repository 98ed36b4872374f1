"""Wrap a model for export: one module from keypoints or pictures to poses, and a description of its inputs and outputs."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar, cast

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from posezoo.lifting.inputs import LARGEST_PX, check_convertible, has_enough_joints
from posezoo.lifting.protocols import Lifter, Locator, Model
from posezoo.poses.missing import OPENPIFPAF
from posezoo.poses.prediction import CAMERA_FRAME
from posezoo.skeletons import Skeleton, convert
from posezoo.skeletons.conversion import conversion_matrix

Exported = TypeVar("Exported", bound=Model)

BATCH = "batch"
"""The name of a batch's size, which stays open."""
_MARKS = "NaN, (0, 0), (-1, -1) and alike mark a joint that was not found"
_EXAMPLES = 3  # a batch of 1 would be taken for a fixed size


@dataclass(frozen=True)
class Port:
    """An input or an output of an exported graph.

    Attributes:
        name: what users feed or fetch it by.
        shape: sizes, :data:`BATCH` where any will do.
        meaning: unit, frame and layout, in words.
        dtype: of the tensor.
    """

    name: str
    shape: tuple[int | str, ...]
    meaning: str
    dtype: torch.dtype = torch.float32


class ExportGraph(nn.Module, Generic[Exported]):
    """A model and everything that its ``predict`` does before and after the network, for a batch of any size.

    A paper whose models take something else than keypoints or pictures extends it; its ``export_graph`` gives one.

    Args:
        model: which is copied.
        skeleton: of the keypoints that come in; None where none do.

    Attributes:
        inputs, outputs: in the order of :meth:`forward`.
        source: the layout of the keypoints that come in, None where none do.
        convert: that layout to the model's, None where they are one.
        approximated: joints that ``source`` lacks and how they are made up.
        frame: of the poses, in words.
        refused: formats that it cannot be written as, and why.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    approximated: dict[str, str]
    frame: str = CAMERA_FRAME
    refused: Mapping[str, str] = MappingProxyType({})

    def __init__(self, model: Exported, skeleton: Skeleton | None = None) -> None:
        super().__init__()
        whole = copy.deepcopy(cast(nn.Module, model)).cpu().float().eval().requires_grad_(False)
        # In a tuple it is no submodule: what training alone needs, and what batch norms were before they were folded
        # away, does not become part of the file.
        self._model = (cast(Exported, whole),)
        self.skeleton, self.unit, self.source = model.skeleton, model.unit, skeleton
        source = skeleton or model.skeleton
        self.convert = None if source == model.skeleton else ConvertLayout(source, model.skeleton)
        self.approximated = {} if self.convert is None else self.convert.approximated

    @property
    def model(self) -> Exported:
        """The copy that runs."""
        return self._model[0]

    @abstractmethod
    def examples(self, count: int = _EXAMPLES) -> tuple[Tensor, ...]:
        """Return inputs of so many poses, to trace with and to compare with; the same at every call."""


class ConvertLayout(nn.Module):
    """:func:`posezoo.skeletons.convert` of one layout to another, as one product.

    Args:
        source, target: the layouts.

    Raises:
        InputError: joints of the target that the source cannot give.

    Example:
        >>> import torch
        >>> from posezoo.skeletons import get_skeleton
        >>> convert = ConvertLayout(get_skeleton("coco17"), get_skeleton("h36m17"))
        >>> convert(torch.ones(2, 17, 2)).shape, convert.approximated["pelvis"]
        (torch.Size([2, 17, 2]), '0.5*left_hip +0.5*right_hip')
    """

    matrix: Tensor

    def __init__(self, source: Skeleton, target: Skeleton) -> None:
        super().__init__()
        matrix, approximated, missing = conversion_matrix(source, target)
        check_convertible(source, missing)
        self.register_buffer("matrix", torch.from_numpy(matrix).float())
        self.approximated = dict(approximated) if source != target else {}

    def forward(self, keypoints: Float[Tensor, "*batch I D"]) -> Float[Tensor, "*batch J D"]:
        """Put NaN where a joint is made of one that is NaN."""
        unknown = torch.isnan(keypoints)
        result = self.matrix @ torch.where(unknown, 0.0, keypoints)
        blank = (self.matrix != 0).to(keypoints.dtype) @ unknown.to(keypoints.dtype)
        return torch.where(blank > 0, torch.nan, result)


class WithoutPlaceholders(nn.Module):
    """The marks of :func:`posezoo.poses.missing.missing_joints` that a pose by itself shows, put to NaN.

    These are (0, 0), (-1, -1), (-100, -100) and alike, and OpenPifPaf's (0, -3). The middle of a pose that was centred, with
    other joints on all sides, is no mark. Marks that only other poses or other joints betray, such as a far corner, stay.

    Example:
        >>> import torch
        >>> pose = torch.tensor([[[0.0, 0.0], [5.0, 9.0], [-1.0, -1.0]], [[0.0, 0.0], [5.0, 9.0], [-1.5, -1.0]]])
        >>> torch.isnan(WithoutPlaceholders()(pose))[..., 0]
        tensor([[ True, False,  True],
                [False, False, False]])
    """

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 2"]:
        x, y = keypoints.unbind(-1)
        mark = (x == y) & (x <= 0) & (x == torch.floor(x))
        zero = mark & (x == 0)
        apart = (mark | torch.isnan(x) | torch.isnan(y))[..., None]
        low, high = torch.where(apart, torch.inf, keypoints).amin(1), torch.where(apart, -torch.inf, keypoints).amax(1)
        centred = ((low < 0) & (high > 0)).all(-1, keepdim=True)
        mark = (mark & ~(zero & centred)) | ((x == OPENPIFPAF[0]) & (y == OPENPIFPAF[1]))
        return torch.where(mark[..., None], torch.nan, keypoints)


class NoseBetweenEars(nn.Module):
    """:func:`posezoo.poses.missing.nose_between_ears` of a layout that has them.

    Example:
        >>> import torch
        >>> from posezoo.skeletons import get_skeleton
        >>> pose = torch.arange(34.0).reshape(1, 17, 2)
        >>> pose[0, 0] = torch.nan
        >>> NoseBetweenEars(get_skeleton("coco17"))(pose)[0, 0]
        tensor([7., 8.])
    """

    is_nose: Tensor

    def __init__(self, skeleton: Skeleton) -> None:
        super().__init__()
        nose, *self.ears = (skeleton.index(joint) for joint in ("nose", "left_ear", "right_ear"))
        self.register_buffer("is_nose", torch.arange(len(skeleton)) == nose)

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 2"]:
        left, right = (keypoints[:, ear, None] for ear in self.ears)
        lost = self.is_nose & torch.isnan(keypoints).any(-1)
        return torch.where(lost[..., None], (left + right) / 2, keypoints)


def example_people(count: int, skeleton: Skeleton) -> tuple[Float[Tensor, "B J 2"], Float[Tensor, "B J 3"]]:
    """Return up to 64 procedural people: px, and mm about their root, camera frame; joints that they lack are at 0."""
    from posezoo.data import load_dataset

    people = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=8)
    rows = np.linspace(0, len(people) - 1, count).astype(int)
    root = people.skeleton.root
    assert people.pose_3d is not None
    poses = (people.keypoints_2d[rows], people.pose_3d[rows] - people.pose_3d[rows, root : root + 1])
    px, mm = (np.nan_to_num(convert(values, people.skeleton, skeleton).keypoints) for values in poses)
    return torch.from_numpy(px).float(), torch.from_numpy(mm).float()


class LiftingGraph(ExportGraph[Lifter]):
    """Keypoints to root-relative poses; NaN throughout is a pose that ``predict`` would refuse."""

    def __init__(self, model: Lifter, skeleton: Skeleton | None = None) -> None:
        source = skeleton or model.skeleton
        super().__init__(model, source)
        filled = "filled in while half of the joints are there" if model.fills_missing else "of which none may be missing"
        meaning = f"px, y down, joints of {source.name}; {_MARKS}, {filled}"
        self.inputs = (Port("keypoints_2d", (BATCH, len(source), 2), meaning),)
        self.found = WithoutPlaceholders()
        self.nose = NoseBetweenEars(source) if {"nose", "left_ear", "right_ear"} <= set(source.joints) else None
        meaning = f"{self.unit}, {self.frame}, joints of {self.skeleton.name}; NaN where the keypoints do not tell a pose"
        if model.facing:
            meaning += "; as predict gives it without image_size and camera"
        self.outputs = (Port("pose_3d", (BATCH, len(self.skeleton), 3), meaning),)

    def forward(self, keypoints_2d: Float[Tensor, "B I 2"]) -> Float[Tensor, "B J 3"]:
        found = self.found(keypoints_2d)
        found = found if self.nose is None else self.nose(found)
        values = found if self.convert is None else self.convert(found)
        useful = torch.ones_like(values[:, 0, 0], dtype=torch.bool)
        if self.model.fills_missing:
            present = ~torch.isnan(values).any(-1)
            useful = has_enough_joints(present, fills_missing=True)
            values = self.model.complete(values, present.to(values.dtype))
        # Comparisons with NaN are False. A runtime's ReLU and maximum may drop NaN, which would give wrong poses.
        useful = useful & (values.abs() <= LARGEST_PX).all(-1).all(-1)
        useful = useful & (values.amax(1) > values.amin(1)).any(-1)
        return torch.where(useful[:, None, None], self.model.lift(values), torch.nan)

    def examples(self, count: int = _EXAMPLES) -> tuple[Tensor, ...]:
        assert self.source is not None
        return (example_people(count, self.source)[0],)


class PictureGraph(ExportGraph[Locator]):
    """A crop around a person to joints and poses."""

    def __init__(self, model: Locator) -> None:
        super().__init__(model)
        side, joints, layout = model.size, len(self.skeleton), f"joints of {self.skeleton.name}"
        self.inputs = (
            Port("picture", (BATCH, 3, side, side), "RGB from 0 to 255, a square crop around a person", torch.uint8),
        )
        self.outputs = (
            Port("keypoints_2d", (BATCH, joints, 2), f"px of the crop, the first pixel's centre at 0, 0; {layout}"),
            Port(
                "pose_3d", (BATCH, joints, 3), f"{self.unit}, {self.frame}, as large as the mean training person; {layout}"
            ),
            Port("confidence", (BATCH, joints), f"in [0, 1]; {layout}"),
        )

    def forward(
        self, picture: UInt8[Tensor, "B 3 S S"]
    ) -> tuple[Float[Tensor, "B J 2"], Float[Tensor, "B J 3"], Float[Tensor, "B J"]]:
        pose, confidence = self.model.locate(picture)
        return pose[..., :2], self.model.to_mm(pose), confidence

    def examples(self, count: int = _EXAMPLES) -> tuple[Tensor, ...]:
        noise = torch.Generator().manual_seed(0)
        size = (count, 3, self.model.size, self.model.size)
        return (torch.randint(0, 256, size, generator=noise, dtype=torch.uint8),)
