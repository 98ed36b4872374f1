"""Integral Human Pose Regression.

Xiao Sun, Bin Xiao, Fangyin Wei, Shuang Liang, Yichen Wei, ECCV 2018. "Regression #3" of Chen, Lin et al. 2019.

::

    picture ──> ResNet ──(+)──> 3 deconvolutions ──> a volume a joint ──softmax, mean──> x, y, z   L1: of x, y, z with 3D
                          │                                                                │       labels, of x, y with 2D
                       linear <── G <── phi <── maps of the bones <── 2D keypoints ────────┘
                          where a representation is injected: of the annotated 2D in training, of a first pass without G
                          in use
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from posezoo.data.pictures.people import evenly
from posezoo.distributed import draw
from posezoo.errors import InputError
from posezoo.lifting import PictureModule, ZooModule
from posezoo.networks import Injection, channels_last, encode_all
from posezoo.papers.integral import losses
from posezoo.papers.integral.networks import LAYERS, ResNet, VolumeHead, soft_argmax

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

_POSES_FOR_STATISTICS = 2048


class Integral(PictureModule):
    """Sun et al. 2018, I1: 3D labels and 2D labels mixed. Defaults are the paper's where it gives a value.

    Args:
        skeleton: the layout of the volumes.
        size: of the crops, px, a multiple of 32.
        layers, width: of the ResNet; it starts from scratch, as ImageNet's weights are not ours to give.
        head_width: of the deconvolutions.
        representation: settings of the :class:`posezoo.networks.SkeletonEncoder` whose code joins the features:
            "Regression #3" of Chen, Lin et al. 2019. Training starts from a ``georep`` (``start``), whose encoder stays.
        code_dropout: share of the training pictures that go without their code, so that a first pass without any finds
            the 2D that the code is made of; the paper takes another network's.
        learning_rate: of Adam.
        decay_steps: the rate falls along half a cosine over so many steps; constant where not given.

    Raises:
        InputError: a size or a number of layers that there is not.
    """

    paper = "integral"

    def __init__(
        self,
        skeleton: str = "h36m17",
        size: int = 256,
        layers: int = 50,
        width: int = 64,
        head_width: int = 256,
        representation: dict[str, object] | None = None,
        code_dropout: float = 0.5,
        learning_rate: float = 1e-3,
        decay_steps: int | None = None,
    ) -> None:
        super().__init__(skeleton, size)
        if layers not in LAYERS or size % 32 or size < 64:
            known = ", ".join(map(str, LAYERS))
            raise InputError(f"layers {layers}, size {size}; expected one of {known}, and a multiple of 32 from 64 on.")
        self.save_hyperparameters()
        self.backbone = channels_last(ResNet(layers, width))
        self.head = channels_last(VolumeHead(self.backbone.channels, len(self.skeleton), size // 4, head_width))
        self.injection = Injection(self.skeleton, self.backbone.channels, representation) if representation else None

    def start_from(self, other: ZooModule) -> None:
        """Load the weights of a model of this paper, or the encoder of the model that is injected."""
        if self.injection is None or not self.injection.take_encoder(other):
            super().start_from(other)

    def on_fit_start(self) -> None:
        """Measure the canonical skeleton and the statistics of the codes of training poses."""
        super().on_fit_start()
        if self.injection is not None and self.datamodule is not None and not self.trainer.ckpt_path:
            keypoints = self.datamodule.keypoints()
            if not len(keypoints):
                raise InputError("nobody in the training data has all joints annotated; codes need such people.")
            rows = evenly(len(keypoints), _POSES_FOR_STATISTICS)
            self.injection.codes.fit(encode_all(self.injection.encoder, keypoints[rows].to(self.device)))

    def volumes(
        self, picture: UInt8[Tensor, "B 3 S S"], codes: Float[Tensor, "B F"] | None = None
    ) -> Float[Tensor, "B J D H W"]:
        """Return unnormalised scores of places; ``codes``, where given, are injected into the features."""
        features = self.for_inference(self.backbone)(self.normalize(picture))
        if codes is not None:
            features = features + codes[:, :, None, None]
        return self.for_inference(self.head)(features)

    def inject(self, injection: Injection, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B F"]:
        """Return the features to add for G; zero where a joint is not known."""
        whole = torch.isfinite(keypoints).all(-1).all(-1)
        with torch.no_grad():
            codes = injection.encoder.encode(torch.where(whole[:, None, None], keypoints, torch.ones_like(keypoints)))
        return injection(codes) * whole[:, None]

    def training_step(self, batch: dict[str, dict[str, Tensor]], batch_idx: int) -> Tensor:
        parts = {kind: part for kind, part in batch.items() if part is not None}
        keypoints = torch.cat([part["keypoints_2d"] for part in parts.values()])
        codes = None
        if self.injection is not None:
            kept = draw(torch.rand, len(keypoints), device=keypoints.device) >= self.hp.code_dropout
            codes = self.inject(self.injection, keypoints) * kept[:, None]
        places, _ = soft_argmax(self.volumes(torch.cat([part["picture"] for part in parts.values()]), codes))
        flat = (keypoints + 0.5) / self.size - 0.5
        known = torch.isfinite(flat).all(-1)
        terms, start = {}, 0
        for kind, part in parts.items():
            rows = slice(start, start := start + len(part["picture"]))
            pred, target = places[rows, :, :2], flat[rows]
            if kind == "labelled":
                pred, target = places[rows], torch.cat([target, (part["depth"] / self.size)[..., None]], -1)
            terms[kind] = losses.joints(pred, target, known[rows])
        loss = torch.stack([*terms.values()]).mean()
        self.log_dict({f"train/{kind}": term.detach() for kind, term in terms.items()}, batch_size=len(keypoints))
        self.log("train/loss", loss.detach(), prog_bar=True, batch_size=len(keypoints))
        return loss

    def locate(self, picture: UInt8[Tensor, "B 3 S S"]) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B J"]]:
        places, certainty = soft_argmax(self.volumes(picture).float())
        if self.injection is not None:
            codes = self.inject(self.injection, (places[..., :2] + 0.5) * self.size - 0.5)
            places, certainty = soft_argmax(self.volumes(picture, codes).float())
        pose = places * self.size
        pose = torch.cat([pose[..., :2] + (self.size - 1) / 2, pose[..., 2:]], -1)
        root = self.skeleton.root
        depth = pose[..., 2:] - pose[:, root : root + 1, 2:]
        return torch.cat([pose[..., :2], depth], -1), certainty

    def configure_optimizers(self) -> OptimizerLRScheduler:
        trained: list[nn.Parameter] = [p for p in self.parameters() if p.requires_grad]
        return self.decayed(torch.optim.Adam(trained, lr=self.hp.learning_rate), self.hp.decay_steps)
