"""Train the completion of Sec. 4.6, which fills in missing joints of 2D poses of another domain."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.papers.geoselfsup import losses
from posezoo.papers.geoselfsup.networks import Completion, complete
from posezoo.terminal import progress


def train_completion(
    target: Float[Tensor, "T J 2"],
    patterns: Float[Tensor, "P J"],
    steps: int = 1000,
    width: int = 256,
    batch_size: int = 1024,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> Completion:
    """Train the network of two layers that fills in missing joints.

    The paper gives it incomplete detections on Human3.6M and the annotated joints. Here whole poses of the target lose the
    joints that poses of the source lack, so that no detector is needed.

    Args:
        target: whole poses, root at the origin, joints at a mean distance of 1.
        patterns: which joints poses of the source have (1) and lack (0).
        steps, width, batch_size, learning_rate: (not given).
        seed: same seed, same network; the global generators are left as they were.

    Returns:
        the network in eval mode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Completion(target.shape[1], width, 1.0)
        optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
        for _ in progress(range(steps), "learning to complete 2D poses"):
            whole = target[torch.randint(len(target), (batch_size,))]
            present = patterns[torch.randint(len(patterns), (batch_size,))]
            loss = losses.completion(complete(network, whole, present), whole, present)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval()


@torch.no_grad()
def completed(network: Completion, keypoints_2d: Float[Tensor, "N J 2"]) -> Float[Tensor, "N J 2"]:
    """Return poses with joints that are NaN filled in."""
    present = torch.isfinite(keypoints_2d).all(-1).to(keypoints_2d.dtype)
    return complete(network, keypoints_2d, present)
