"""What tracemark promises, one fact a test."""
