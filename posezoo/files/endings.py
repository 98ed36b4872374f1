"""How the names of pictures, videos and weights end, in lower case."""

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm")
VIDEO_ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")
WEIGHT_ENDINGS = (".safetensors", ".ckpt", ".pth", ".pt", ".bin", ".onnx")
"""All but the first two belong to other programs."""
