"""Videos in and out: what a file holds, which frames to decode, decoding them, writing new files."""
