"""Trains event networks, the learned pre-decoders of outrider, on shots that are sampled as they are needed.

python -m outrider_train --help
"""

__version__ = "0.1.0"
