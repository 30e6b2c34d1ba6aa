"""A pool of Beam's Python workers, each a process: `python -m ml.beam.worker_pool --port 50000`.

Beam's own (`apache_beam.runners.worker.worker_pool_main`) listens on every network, and whoever reaches it makes it run
what they like. This one listens on loopback only, and its workers die with it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

STOP_SECONDS = 10.0
# The worker asks for its own end: forked while gRPC has threads, it must not run Python before it is a new program.
WORKER = (
    "import sys; from ml.storage.parent_death import die_with; die_with(int(sys.argv[3])); "
    "from apache_beam.runners.worker.sdk_worker import SdkHarness; "
    "SdkHarness(sys.argv[1], worker_id=sys.argv[2]).run()"
)


class WorkerPool:
    """Beam's service `BeamFnExternalWorkerPool`: a process for each worker that a runner asks for.

    Each TaskManager of Flink counts its own workers, so two of them ask for a worker of the same name. Whose it is, the
    connection tells by which it was asked for: Beam's runners in Java keep that until they stop the worker.
    """

    def __init__(self) -> None:
        self._workers: dict[tuple[str, str], subprocess.Popen[bytes]] = {}

    def StartWorker(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name is the protocol's
        """Start a worker that gets its work from the address in the request."""
        from apache_beam.portability.api import beam_fn_api_pb2

        command = [sys.executable, "-c", WORKER, request.control_endpoint.url, request.worker_id, str(os.getpid())]
        # As the steps themselves have it: the last digit of a score depends on it.
        environment = {"TF_ENABLE_ONEDNN_OPTS": "0", **os.environ}
        try:
            worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)
        except OSError as error:
            return beam_fn_api_pb2.StartWorkerResponse(error=str(error))
        self._workers[request.worker_id, context.peer()] = worker
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, context: Any) -> Any:  # noqa: N802
        """End a worker; one that has ended, or never was, is no error.

        If it cannot be told which of several is meant, none is ended here: a worker ends with its runner's connection.
        """
        from apache_beam.portability.api import beam_fn_api_pb2

        named = [key for key in [*self._workers] if key[0] == request.worker_id]
        mine = (request.worker_id, context.peer())
        worker = self._workers.pop(mine if len(named) != 1 else named[0], None)
        if worker:
            worker.terminate()
            try:
                worker.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        return beam_fn_api_pb2.StopWorkerResponse()


def main() -> int:
    """Serve until SIGTERM or Ctrl-C. The kernel ends the workers with the thread that started them, this process's."""
    import grpc
    from apache_beam.portability.api import beam_fn_api_pb2_grpc

    parser = argparse.ArgumentParser(prog="python -m ml.beam.worker_pool", allow_abbrev=False)
    parser.add_argument("--port", type=int, required=True, help="a TCP port of 127.0.0.1")
    port = parser.parse_args().port
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(WorkerPool(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    stop.wait()
    server.stop(0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
