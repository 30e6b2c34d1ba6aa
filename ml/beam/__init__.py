"""Work that is done by a Beam runner, on this machine or on others."""
