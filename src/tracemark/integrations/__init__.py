"""Into other people's streams: each module stands alone and is imported only by whoever wants it."""
