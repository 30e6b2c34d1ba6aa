"""What has to be settled before TensorFlow is imported."""

from __future__ import annotations

import os

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # as `python -m ml` and the workers have it
