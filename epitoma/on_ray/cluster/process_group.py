"""torch's process group of training workers, with a TCP store that listens on the node's own address only.

By default torch's store listens on every interface and answers anyone, without authentication.
"""

import os
import socket
from typing import Any

import ray
import ray.util
from ray.train._internal.base_worker_group import BaseWorkerGroup
from ray.train.backend import BackendConfig
from ray.train.torch import TorchConfig
from ray.train.torch.config import (
    _set_torch_distributed_env_vars,
    _setup_torch_process_group,
    _TorchBackend,
)
from torch._C._distributed_c10d import TCPStore

_STORES: list[TCPStore] = []
"""The store of this process, referenced here so that it lives as long as the process."""


class BoundTorchConfig(TorchConfig):
    """Ray Train's TorchConfig, with the store bound to the address of the first worker's node."""

    @property
    def backend_cls(self) -> type["BoundBackend"]:
        """Backend that sets up the workers."""
        return BoundBackend


class BoundBackend(_TorchBackend):
    """Starts the store before the process group, which then joins it, as with torch's own launcher."""

    def on_start(self, worker_group: BaseWorkerGroup, backend_config: BackendConfig) -> None:
        """Start the store on the first worker, and connect all workers to it."""
        assert isinstance(backend_config, BoundTorchConfig)
        host, port = worker_group.execute_single(0, serve_store)
        worker_group.execute(_find_store, host=host, port=port)
        worker_group.execute(_set_torch_distributed_env_vars)
        has_gpu = worker_group.get_resources_per_worker().get("GPU", 0) > 0
        workers: Any = [
            worker_group.execute_single_async(
                rank,
                _setup_torch_process_group,
                backend=backend_config.backend or ("nccl" if has_gpu else "gloo"),
                world_rank=rank,
                world_size=len(worker_group),
                init_method="env://",
                timeout_s=backend_config.timeout_s,
            )
            for rank in range(len(worker_group))
        ]
        ray.get(workers)


def serve_store() -> tuple[str, int]:
    """Start a store in this process; returns its host and port."""
    host = ray.util.get_node_ip_address()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # TCPStore itself binds to all interfaces, so it is given a socket that is bound already.
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.bind((host, 0))
    listening.listen()
    port = listening.getsockname()[1]
    store = TCPStore(host, port, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach())
    _STORES.append(store)
    return host, port


def _find_store(*, host: str, port: int) -> None:
    # With TORCHELASTIC_USE_AGENT_STORE the first worker joins the store as a client, instead of starting its own.
    os.environ.update(MASTER_ADDR=host, MASTER_PORT=str(port), TORCHELASTIC_USE_AGENT_STORE="True")
