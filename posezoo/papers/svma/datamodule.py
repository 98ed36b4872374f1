"""Load data of Deng et al. 2021: 2D poses alone."""

from __future__ import annotations

from posezoo.data import LiftingDataModule


class SVMADataModule(LiftingDataModule):
    """Training batches hold 2D keypoints alone; labels, where a dataset has them, are used for scores only.

    Args: as :class:`posezoo.data.LiftingDataModule`, without ``labels``.
    """

    def __init__(
        self,
        dataset: str | dict[str, object] = "procedural",
        path: str | None = None,
        keypoints: str = "gt",
        test_keypoints: str | None = None,
        skeleton: str = "h36m17",
        batch_size: int = 512,
        eval_batch_size: int = 8192,
        seed: int = 0,
        facing: bool = False,
        augmentation: dict[str, object] | None = None,
        postures: int = 0,
    ) -> None:
        super().__init__(
            dataset=dataset,
            path=path,
            keypoints=keypoints,
            test_keypoints=test_keypoints,
            labels=False,
            skeleton=skeleton,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            seed=seed,
            facing=facing,
            augmentation=augmentation,
            postures=postures,
        )
