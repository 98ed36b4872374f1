"""Test the drawing of what is found in photographs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from draw_photographs import ANNOTATIONS, COLUMNS, Found, draw, find, head_px, main, share_of
from matplotlib.figure import Figure

from posezoo.data.pictures.packed import pack_pictures
from posezoo.formats.mpii import people_of_json
from posezoo.papers.hg3d import HG3D
from posezoo.skeletons import get_skeleton
from tests.data.pictures.dots import people


def test_shares_by_hand():
    truth = torch.tensor([[0.0, 0.0], [10.0, 0.0], [torch.nan, torch.nan], [0.0, 10.0]])
    pose = torch.tensor([[0.0, 2.0], [10.0, 2.1], [5.0, 5.0], [0.0, 10.0]])
    assert share_of(pose, truth, torch.tensor(2.0)) == pytest.approx(2 / 3)
    assert np.isnan(share_of(pose, truth, torch.tensor(torch.nan)))
    assert np.isnan(share_of(pose, truth * torch.nan, torch.tensor(2.0)))


def test_what_is_found_lies_where_it_is_drawn():
    model = HG3D(stacks=1, width=8, size=64).eval()
    found = find(model, people(labels=False))
    assert len(found) == len(people(labels=False))
    assert all(person.pose.shape == person.truth.shape == (len(model.skeleton), 2) for person in found)
    axes = Figure().subplots()
    truth = found[0].truth.copy()
    truth[model.skeleton.index("left_wrist")] = np.nan
    draw(axes, Found(found[0].pose, truth, float("nan")), model.skeleton, 64)
    count = len(model.skeleton.bones)
    drawn = [line.get_xydata() for line in axes.lines]
    for number, bone in enumerate(model.skeleton.bones):
        np.testing.assert_array_equal(drawn[number], truth[list(bone)])
        np.testing.assert_array_equal(drawn[count + number], found[0].pose[list(bone)])
    assert axes.get_title() == "no size"


def test_the_sheet_is_the_same_again_and_holds_no_photograph(tmp_path, capsys):
    path = pack_pictures({"test": people(labels=False)}, tmp_path / "lsp.h5", side=64)
    sheets = [tmp_path / "one.svg", tmp_path / "two.svg"]
    for sheet in sheets:
        assert main(["--path", str(path), "--count", "3", "-o", str(sheet)]) == 0
    assert "PCK@0.2 of the torso: " in capsys.readouterr().out
    text = sheets[0].read_text()
    assert text == sheets[1].read_text()
    assert "<image" not in text
    assert text.count('id="axes_') == COLUMNS
    assert main(["--path", str(path), "-o", str(tmp_path / "one.gif")]) == 2
    assert "expected .svg or .png" in capsys.readouterr().err


def test_heads_are_measured_from_the_upper_neck_to_the_top():
    skeleton = get_skeleton("mpii16")
    people = torch.zeros(2, 16, 2)
    people[0, skeleton.index("head_top")] = torch.tensor([3.0, -4.0])
    people[1, skeleton.index("upper_neck")] = torch.nan
    torch.testing.assert_close(head_px(people, skeleton), torch.tensor([5.0, torch.nan]), equal_nan=True)


def test_the_annotations_are_of_one_person_in_each_of_seven_pictures():
    people = people_of_json(ANNOTATIONS)
    assert len({person.image for person in people}) == len(people) == 7
    for person in people:
        known = person.part[person.visible]
        assert len(known) >= 12
        assert (np.abs(known - person.center).max(0) < 200 * person.scale).all()


@pytest.mark.parametrize(("dataset", "option"), [("lsp", "--path"), ("mpii", "--images")])
def test_what_is_missing_is_named(dataset, option, tmp_path, capsys):
    assert main(["--dataset", dataset, "-o", str(tmp_path / "one.svg")]) == 2
    assert f"{option} is not given" in capsys.readouterr().err
