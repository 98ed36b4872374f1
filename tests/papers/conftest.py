"""Share rendered people among the tests of hg3d."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from posezoo.data.pictures.people import PeopleInPictures  # at run time not before the type checks are in place


@pytest.fixture(scope="session")
def studio() -> PeopleInPictures:
    from posezoo.data.pictures import load_pictures

    return load_pictures("rendered_studio", "train", side=80, count=24)


@pytest.fixture(scope="session")
def wild() -> PeopleInPictures:
    from posezoo.data.pictures import load_pictures

    return load_pictures("rendered_wild", "train", side=80, count=24)
