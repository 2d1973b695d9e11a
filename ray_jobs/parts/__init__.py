"""What the jobs share: command lines, run folders, and the reports that jobs end with."""
