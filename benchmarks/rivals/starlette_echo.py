"""The floor of Python HTTP: Starlette parses the same JSON and echoes it. Run by benchmarks/serving.py."""

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def echo(request: Request) -> Response:
    """The body, parsed and written again."""
    return Response(orjson.dumps(orjson.loads(await request.body())), media_type="application/json")


app = Starlette(routes=[Route("/v1/models/customers:predict", echo, methods=["POST"])])
