"""Flags of TensorFlow Serving that have no effect in this server."""

from __future__ import annotations

IGNORED_FLAGS = frozenset(
    {
        "port",
        "grpc_socket_path",
        "grpc_max_threads",
        "grpc_channel_arguments",
        "ssl_config_file",
        "rest_api_num_threads",
        "rest_api_enable_cors_support",
        "batching_parameters_file",
        "model_config_file_poll_wait_seconds",
        "flush_filesystem_caches",
        "tensorflow_inter_op_parallelism",
        "platform_config_file",
        "per_process_gpu_memory_fraction",
        "saved_model_tags",
        "num_tflite_pools",
        "num_tflite_interpreters_per_pool",
        "num_load_threads",
        "num_unload_threads",
        "prefer_tflite_model",
        "remove_unused_fields_from_bundle_metagraph",
        "enable_signature_method_name_check",
        "enable_grpc_healthcheck_service",
        "enable_per_model_batching_parameters",
        "enable_profiler",
        "enable_serialization_as_tensor_content",
        "mixed_precision",
        "skip_initialize_tpu",
        "use_alts_credentials",
        "tensorflow_session_config_file",
        "xla_cpu_compilation_enabled",
        "xla_gpu_compilation_enabled",
        "thread_pool_factory_config_file",
    }
)
"""Flags of TensorFlow Serving that have no effect here; they are accepted so that one command line works for both.

Source: tensorflow_serving/model_servers/main.cc.
"""
