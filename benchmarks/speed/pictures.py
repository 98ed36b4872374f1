"""Count the pictures of people rendered in a second."""

from __future__ import annotations

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
