"""The Ray cluster: joining or starting one, placing work on nodes, and handling lost workers or a lost head."""
