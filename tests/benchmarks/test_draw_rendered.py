"""Test the contact sheet of rendered people."""

from __future__ import annotations

import cv2
import numpy as np
from draw_rendered import main


def test_a_sheet_of_both_domains(tmp_path, capsys):
    plain, drawn = tmp_path / "sheet.jpg", tmp_path / "labels.jpg"
    size = ["--columns", "3", "--rows", "1", "--side", "48"]
    assert main([*size, "-o", str(plain)]) == 0
    assert main([*size, "--labels", "-o", str(drawn)]) == 0
    first, second = (cv2.imread(str(path)) for path in (plain, drawn))
    assert first.shape == second.shape == (96, 144, 3)
    assert np.abs(first.astype(int) - second).max() > 60
    assert main([*size, "-o", str(tmp_path / "sheet.gif")]) != 0
    assert "expected" in capsys.readouterr().err
