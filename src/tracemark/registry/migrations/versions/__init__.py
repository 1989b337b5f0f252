"""One file a step; each is frozen once it has been released."""
