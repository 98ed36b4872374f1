"""Models as files that run without PoseZoo: pixels in, poses out, as ONNX or TorchScript."""

from posezoo.exporting.export import FORMATS, Exported, export

__all__ = ["FORMATS", "Exported", "export"]
