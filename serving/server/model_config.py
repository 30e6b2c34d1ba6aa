"""Reading TensorFlow Serving's --model_config_file, which is protobuf in text form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serving.models.version_source import All, Latest, ModelConfig, Specific, VersionPolicy, path_fault
from serving.server.monitoring_config import monitoring_config


class ConfigError(Exception):
    """A configuration file cannot be used; the message names it and says what to change."""


def read_model_config(path: Path) -> list[ModelConfig]:
    """The models of a --model_config_file.

    Raises:
        ConfigError: The file is missing, is not a ModelServerConfig, or lists a model twice or without a base path.
    """
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    config = _parsed(path, ModelServerConfig())
    if config.WhichOneof("config") != "model_config_list":
        raise ConfigError(f"{path}: there is no model_config_list in it. List the models in one.")
    models = [_model(path, entry) for entry in config.model_config_list.config]
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path}: model {name!r} is listed more than once. Keep one entry for it.")
    return models


def read_metrics_path(path: Path, default: str) -> str | None:
    """The path of the metrics page in a --monitoring_config_file, or None when the file does not enable the page.

    Raises:
        ConfigError: The file is missing or is not a MonitoringConfig.
    """
    prometheus = _parsed(path, monitoring_config()()).prometheus_config
    return (str(prometheus.path) or default) if prometheus.enable else None


def _parsed(path: Path, message: Any) -> Any:
    from google.protobuf import text_format

    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), message)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Correct the path.") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        name = message.DESCRIPTOR.name
        raise ConfigError(f"{path}: {error}. It must be a {name} in protobuf's text form.") from error


def _model(path: Path, entry: Any) -> ModelConfig:
    if not entry.name or not entry.base_path:
        raise ConfigError(f"{path}: a model lacks its name or its base_path: {str(entry).strip()!r}.")
    # What TensorFlow Serving refuses is refused here too, so that a file that works here works there.
    if not Path(entry.base_path).is_absolute():
        raise ConfigError(f"{path}: model {entry.name!r} has the base_path {entry.base_path!r}. Write an absolute one.")
    if fault := path_fault(entry.base_path):
        raise ConfigError(f"{path}: model {entry.name!r}: base_path: {fault}")
    if _platform(entry) != "tensorflow":
        platform = entry.model_platform or "no platform"
        raise ConfigError(f"{path}: model {entry.name!r} is for {platform!r}. Write model_platform: 'tensorflow'.")
    return ModelConfig(
        name=entry.name,
        base_path=Path(entry.base_path),
        policy=_policy(entry.model_version_policy),
        labels={str(label): int(version) for label, version in entry.version_labels.items()},
    )


def _platform(entry: Any) -> str:
    from tensorflow_serving.config.model_server_config_pb2 import ModelType

    if entry.model_type == ModelType.TENSORFLOW and not entry.model_platform:
        return "tensorflow"  # the deprecated form
    return str(entry.model_platform) if entry.model_type == ModelType.MODEL_TYPE_UNSPECIFIED else ""


def _policy(given: Any) -> VersionPolicy:
    choice = given.WhichOneof("policy_choice")
    if choice == "all":
        return All()
    if choice == "specific":
        return Specific(frozenset(int(version) for version in given.specific.versions))
    return Latest(max(int(given.latest.num_versions), 1)) if choice == "latest" else Latest()
