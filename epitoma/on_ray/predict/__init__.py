"""Networks applied to many videos with Ray Data: predictions, and features to train from."""
