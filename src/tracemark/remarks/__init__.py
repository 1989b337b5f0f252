"""What was measured and has to be told in words: why nobody was named, what speaks against somebody."""

from tracemark.remarks.remark import Language, Remark, quoted, remark

__all__ = ["Language", "Remark", "quoted", "remark"]
