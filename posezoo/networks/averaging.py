"""Average weights exponentially, for evaluation and publication where training oscillates."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def _average(decay: float, averages: object, latest: object, count: object) -> None:
    """Average by a rule that can be pickled, as spawned processes need; torch's own is a closure."""
    get_ema_multi_avg_fn(decay)(averages, latest, count)


class AveragedNetwork(AveragedModel):
    """A copy of a network whose weights and buffers follow it as an exponential moving average.

    Args:
        network: the one that trains.
        decay: of the average; 0 makes it a plain copy of the latest weights.

    Example:
        >>> import torch
        >>> from posezoo.networks import AveragedNetwork
        >>> network = torch.nn.Linear(1, 1)
        >>> average = AveragedNetwork(network, decay=0.9)
        >>> average.update_parameters(network)
        >>> bool(average.module.weight == network.weight)
        True
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__(network, multi_avg_fn=partial(_average, decay), use_buffers=True)
        self.requires_grad_(False)
        self.module.eval()

    def train(self, mode: bool = True) -> AveragedNetwork:
        """Stay in eval mode: the average is never trained."""
        del mode
        return super().train(False)

    def forward(self, *args: object, **kwargs: object) -> object:
        return self.module(*args, **kwargs)

    def published(self, name: str) -> dict[str, Tensor]:
        """Return the average under the name of the trained network, in whose place a model publishes it."""
        return {f"{name}.{key}": value for key, value in self.module.state_dict().items()}

    @staticmethod
    def state_of(weights: dict[str, Tensor], name: str) -> dict[str, Tensor]:
        """Return the state of an attribute ``average`` from the weights that :meth:`published` returned for ``name``."""
        own = {f"average.module{key.removeprefix(name)}": v for key, v in weights.items() if key.startswith(f"{name}.")}
        return {**own, "average.n_averaged": torch.ones((), dtype=torch.long)}
