#!/bin/sh
# Run a command in a network of its own that has loopback only: Prism listens on every address, and here nobody else
# reaches it. Where the kernel permits no such network, say so and run the command in this one.
if unshare --map-root-user --net true 2>/dev/null && command -v ip >/dev/null; then
    exec unshare --map-root-user --net sh -c 'ip link set lo up && exec "$@"' sh "$@"
fi
echo "Without unshare and ip, or without permission for them, Prism is reachable from other machines for some minutes." >&2
exec "$@"
