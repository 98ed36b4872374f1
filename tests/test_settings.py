"""Test that settings by name become dataclasses of numbers, and what is no setting is refused."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from posezoo.data.augmentation import Augmentation
from posezoo.data.augmentation.cameras import RandomCameras
from posezoo.data.augmentation.detector import DetectorNoise
from posezoo.data.pictures.resident import Distortion
from posezoo.errors import InputError, UnknownNameError
from posezoo.settings import check_sizes, settings_of


@dataclass(frozen=True)
class Camera:
    pitch: tuple[float, float] = (-0.1, 0.5)
    roll: float = 0.1


@dataclass(frozen=True)
class Rig:
    camera: Camera = field(default_factory=Camera)
    views: tuple[int, ...] = (2, 2, 3)
    batches: int = 200
    noise: float = 0.02


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (DetectorNoise, {"level": [0.0, 0.01]}, r"noise.level is 0.0 to 0.01; expected deviations above 0"),
        (DetectorNoise, {"level": [0.02, 0.01]}, r"in ascending order"),
        (DetectorNoise, {"together": 1.2}, r"noise.together is 1.2; expected a share"),
        (DetectorNoise, {"joint_spread": -0.5}, r"noise.joint_spread is -0.5; expected 0 or more"),
        (Augmentation, {"limbs": 35}, r"augmentation.limbs is 35.0; expected a share, 0 to 1"),
        (Augmentation, {"noise": {"clean": -1}}, r"noise.clean is -1.0"),
        (RandomCameras, {"roll": -0.1}, r"cameras.roll is -0.1; expected 0 or more"),
        (Distortion, {"flip": 2}, r"distortion.flip is 2.0; expected a share"),
    ],
)
def test_what_is_no_size_or_share_is_refused(kind, given, said):
    with pytest.raises(InputError, match=said):
        settings_of(kind, given, "settings")


def test_infinite_sizes_are_refused():
    with pytest.raises(InputError, match=r"rig.noise is inf; expected 0 or more"):
        check_sizes(Rig(noise=float("inf")), "rig", ["noise"])


def test_what_is_given_replaces_defaults_and_keeps_their_kind():
    rig = settings_of(Rig, {"camera": {"pitch": [0, 1]}, "views": [4], "batches": 3.0, "noise": 1}, "rigs")
    assert rig == Rig(Camera((0.0, 1.0)), (4,), 3, 1.0)
    assert [type(value) for value in (*rig.camera.pitch, *rig.views, rig.batches, rig.noise)] == [
        float,
        float,
        int,
        int,
        float,
    ]
    assert settings_of(Rig, None, "rigs") == settings_of(Rig, {}, "rigs") == Rig()
    assert settings_of(Rig, {"camera": Camera(roll=0.3)}, "rigs").camera.roll == 0.3


def test_a_mistyped_name_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match=r"unknown setting of rigs 'batchs'; did you mean batches\?"):
        settings_of(Rig, {"batchs": 3}, "rigs")
    with pytest.raises(UnknownNameError, match=r"unknown setting of rigs.camera 'rol'; did you mean roll\?"):
        settings_of(Rig, {"camera": {"rol": 3}}, "rigs")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"noise": "0.02"}, r"rigs.noise is '0.02'; expected a number"),
        ({"noise": True}, r"rigs.noise is True; expected a number"),
        ({"noise": float("nan")}, r"rigs.noise is nan; expected a number"),
        ({"noise": [0.1]}, r"rigs.noise is \[0.1\]; expected a number"),
        ({"batches": 2.5}, r"rigs.batches is 2.5; expected a whole number"),
        ({"views": 3}, r"rigs.views is 3; expected numbers"),
        ({"views": "23"}, r"rigs.views is '23'; expected numbers"),
        ({"views": []}, r"rigs.views is \[\]; expected whole numbers, one or more"),
        ({"views": [2.5]}, r"rigs.views is \[2.5\]; expected whole numbers"),
        ({"camera": {"pitch": [0.1]}}, r"rigs.camera.pitch is \[0.1\]; expected two numbers"),
        ({"camera": {"pitch": [0.1, None]}}, r"rigs.camera.pitch is \[0.1, None\]; expected two numbers"),
        ({"camera": 3}, r"rigs.camera is 3; expected settings by name"),
        ([3], r"rigs is \[3\]; expected settings by name"),
    ],
)
@pytest.mark.usefixtures("without_type_checks")
def test_values_of_another_kind_are_refused(given, said):
    with pytest.raises(InputError, match=said):
        settings_of(Rig, given, "rigs")
