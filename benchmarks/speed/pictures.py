"""Count the pictures of people rendered in a second; measure ``hg3d`` on photographs against its bare network."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from speed.ratios import Ratio, fastest


def rendering(side: int = 320, count: int = 24) -> list[Ratio]:
    """Count pictures of people rendered in a second, as the published network takes them, with room to turn them."""
    from posezoo.data.pictures import load_pictures
    from posezoo.files.opencv import opencv

    opencv().setNumThreads(1)
    ratios = []
    for domain in ("rendered_studio", "rendered_wild"):
        people = load_pictures(domain, "test", side=side, count=count)
        seconds = fastest({"render": lambda: [people.read(row) for row in range(count)]}, rounds=3)  # noqa: B023
        ratios.append(
            Ratio(
                name=f"{domain}, {side} px, pictures a second",
                value=count / seconds["render"],
                goal=50.0,
                at_least=True,
                detail=f"{1e3 * seconds['render'] / count:.1f} ms each",
            )
        )
    return ratios


def bodies(path: Path, side: int = 160, batch: int = 32) -> list[Ratio]:
    """Count pictures of bodies drawn in a second, in batches as training takes them.

    Args:
        path: what ``posezoo data prepare bodies`` wrote.
        side: of the pictures, px.
        batch: pictures at a time.
    """
    from posezoo.data.rendered_bodies import rendered_bodies

    drawn: Any = rendered_bodies("test", bodies=path, side=side, count=batch).picture
    rows = np.arange(batch)
    ms = 1e3 * fastest({"draw": lambda: drawn.batch(rows)})["draw"] / batch
    return [Ratio(f"rendered_bodies, {side} px, pictures a second", 1e3 / ms, 200.0, True, f"{ms:.1f} ms each")]


def photographs(width: int = 1280, height: int = 720, count: int = 64) -> list[Ratio]:
    """Time ``predict_image`` of a photograph against the bare network, and a batch of photographs against one by one.

    The photograph is a file, JPEG, or an array; the bare network takes the crop and finds the joints in its heatmaps.
    """
    import torch

    import posezoo
    from posezoo.data.pictures import load_pictures
    from posezoo.data.pictures.files import read_picture
    from posezoo.files.opencv import opencv

    cv2 = opencv()
    cv2.setNumThreads(torch.get_num_threads())
    model: Any = posezoo.load("hg3d")
    person = load_pictures("rendered_wild", "test", side=height, count=1).read(0)
    around = (width - height) // 2
    drawn = cv2.copyMakeBorder(person, 0, 0, around, width - height - around, cv2.BORDER_REFLECT)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photograph.jpg"
        cv2.imwrite(str(path), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        picture = read_picture(path)
        crop = torch.from_numpy(cv2.resize(picture, (model.size, model.size))).permute(2, 0, 1)[None]
        crops = crop.expand(count, -1, -1, -1)
        located = torch.inference_mode()(model.locate)
        seconds = fastest({"file": lambda: model.predict_image(path), "array": lambda: model.predict_image(picture),
                           "network": lambda: located(crop)}, rounds=20)  # fmt: skip
        seconds |= fastest(
            {"files": lambda: model.predict_images([path] * count), "crops": lambda: located(crops)}, rounds=2
        )
    name, ms = f"hg3d, photograph of {width} x {height} px", {key: 1e3 * value for key, value in seconds.items()}
    each = {key: ms[key] / count for key in ("files", "crops")}
    network = f"{ms['network']:.1f} ms of the network"
    return [
        Ratio(f"{name}, a file, over the bare network", ms["file"] / ms["network"], 1.3, False,
              f"{ms['file']:.1f} against {network}"),
        Ratio(f"{name}, an array, over the bare network", ms["array"] / ms["network"], 1.3, False,
              f"{ms['array']:.1f} against {network}"),
        Ratio(f"{name}, one by one, over a batch of {count}", ms["file"] / each["files"], 3.0, True,
              f"{ms['file']:.1f} against {each['files']:.1f} ms"),
        Ratio(f"hg3d's network, one by one, over a batch of {count}", ms["network"] / each["crops"], None, True,
              f"{ms['network']:.1f} against {each['crops']:.1f} ms"),
    ]  # fmt: skip
