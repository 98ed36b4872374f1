"""MPII Human Pose: annotations, detections and pictures."""
