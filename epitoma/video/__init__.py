"""Reading and writing videos: indexing files, planning and decoding sparse frames, encoding new files."""
