"""Models applied to many videos by Ray Data: predictions, and features to train from."""
