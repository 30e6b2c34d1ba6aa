"""Prism, Apache Beam's own engine, and pools of Python workers, as processes of this machine."""
