"""The model, part by part: single-device, knowing nothing of Ray, files of videos, or MLflow."""
