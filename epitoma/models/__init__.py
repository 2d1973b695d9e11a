"""The model and its parts: plain single-device PyTorch modules that do not use Ray, video files or MLflow."""
