"""What the entry script of the Railway image starts with which arguments, what it refuses, and when it ends."""

import re
from pathlib import Path

import pytest

from tests.serving.railway.entry_script import run, with_nginx, write_program
from tests.serving.tensorflow_serving.image import free_port

TOKEN = "Secret-Token_0123456789"


def test_nginx_listens_on_port_and_the_server_inside(tmp_path: Path) -> None:
    write_program(
        tmp_path / "bin/tensorflow_model_server",
        f'printf "%s\\n" "$@" >{tmp_path}/arguments; env >{tmp_path}/environment; exec sleep 60',
    )
    write_program(tmp_path / "bin/depth_guard", f'printf "%s\\n" "$@" >{tmp_path}/guard; exec sleep 60')
    waits = f"until [ -s {tmp_path}/guard ] && [ -s {tmp_path}/environment ]; do :; done"
    write_program(tmp_path / "bin/nginx", f'cp "$2" {tmp_path}/nginx.conf; {waits}')
    done = run(tmp_path, PORT="12345", SERVING_TOKEN=TOKEN)
    assert done.returncode == 1, "the door ended by itself, which nobody asked for"
    arguments = (tmp_path / "arguments").read_text().splitlines()
    # The last one of a name wins.
    assert arguments[-3:] == ["--rest_api_port=18501", "--enable_batching=false", "--batching_parameters_file="]
    assert [argument for argument in arguments if argument.startswith("--port")] == ["--port=0"]
    assert "--max_num_load_retries=0" in arguments
    assert f"--model_config_file={tmp_path / 'etc' / 'models.config'}" in arguments
    conf = (tmp_path / "nginx.conf").read_text()
    assert "listen 0.0.0.0:12345;" in conf
    assert "server 127.0.0.1:18502;" in conf
    assert (tmp_path / "guard").read_text().split() == ["127.0.0.1:18502", "127.0.0.1:18501"]
    assert f'"~^(?i:Bearer) +{TOKEN}$" 1;' in conf
    assert "@" not in re.sub("@(too_large|unavailable|malformed)|two @", "", conf)
    assert TOKEN not in (tmp_path / "environment").read_text()
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PORT": "http"}, "PORT is 'http', not a port number."),
        ({"PORT": "0"}, "PORT is '0', not a port number."),
        ({"PORT": "99999"}, "PORT is '99999', not a port number."),
        ({"PORT": "18501"}, "PORT 18501 is used inside; choose another."),
        ({"PORT": "18502"}, "PORT 18502 is used inside; choose another."),
        ({"SERVING_TOKEN": ""}, "SERVING_TOKEN must be 16 to 200 letters"),
        ({"SERVING_TOKEN": "short"}, "SERVING_TOKEN must be 16 to 200 letters"),
        ({"SERVING_TOKEN": '.*" 1; # 0123456789'}, "SERVING_TOKEN must be 16 to 200 letters"),
    ],
)
def test_wrong_variables_are_refused_before_anything_runs(variables: dict[str, str], said: str, tmp_path: Path) -> None:
    write_program(tmp_path / "bin/tensorflow_model_server", f"touch {tmp_path}/started")
    write_program(tmp_path / "bin/nginx", f"touch {tmp_path}/started")
    done = run(tmp_path, **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert not (tmp_path / "started").exists()


@with_nginx
@pytest.mark.parametrize("program", ["tensorflow_model_server", "depth_guard"])
def test_the_container_ends_with_its_server_or_its_guard(tmp_path: Path, program: str) -> None:
    write_program(tmp_path / "bin/tensorflow_model_server", "exec sleep 60")
    write_program(tmp_path / "bin" / program, "exit 7")
    done = run(tmp_path, PORT=str(free_port()))
    assert done.returncode == 7
    assert "TensorFlow Serving, the guard before it or nginx ended with status 7." in done.stderr
