"""databricks-dolly-15k in Japanese: reviewed, extended, in four shards of 4,000."""

from dolly_16k_ja.builder import Dolly16kJa

__all__ = ["Dolly16kJa"]
