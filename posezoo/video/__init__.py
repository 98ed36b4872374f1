"""Videos: detectors, tracking, smoothing, and lifting of clips."""
