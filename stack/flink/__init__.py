"""A Flink cluster with Beam's job server and a pool of Python workers, as processes of this machine."""
