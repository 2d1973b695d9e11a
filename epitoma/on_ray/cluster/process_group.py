"""How training workers find each other: through a store that listens on their own node's address alone.

Left to itself torch's store listens on every interface, answers whoever asks, and so do the messages that follow.
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
"""The store of this process, which is there as long as the process."""


class BoundTorchConfig(TorchConfig):
    """Ray Train's, with the store on the address by which the first worker's node is known."""

    @property
    def backend_cls(self) -> type["BoundBackend"]:
        """What sets up the workers."""
        return BoundBackend


class BoundBackend(_TorchBackend):
    """Starts the store first, and tells torch that it is there, as torch's own launcher does."""

    def on_start(self, worker_group: BaseWorkerGroup, backend_config: BackendConfig) -> None:
        """Connect the workers."""
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
    """Start a store in this process; returns the address it listens on."""
    host = ray.util.get_node_ip_address()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.bind((host, 0))
    listening.listen()
    port = listening.getsockname()[1]
    store = TCPStore(host, port, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach())
    _STORES.append(store)
    return host, port


def _find_store(*, host: str, port: int) -> None:
    os.environ.update(MASTER_ADDR=host, MASTER_PORT=str(port), TORCHELASTIC_USE_AGENT_STORE="True")
