"""An Airflow connection → the filesystem of an object store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ml_monitor.airflow_compat import BaseHook, provided_filesystem

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_SECRET = ("aws_secret_access_key", "aws_session_token", "account_key", "sas_token", "keyfile_dict")


def store_of(url: str, conn_id: str) -> AbstractFileSystem:
    """What reads a URL: the filesystem of the provider that knows its scheme, else ours by what the connection says.

    The provider follows all that its connections can hold, such as roles that are assumed; ours needs no provider.
    Airflow's own error where there is no such connection.
    """
    from airflow.sdk.log import mask_secret

    from airflow_ml_monitor.profile.engines.embedded.stores import Access, filesystem, scheme_of

    if not conn_id:
        return filesystem(url, Access())
    try:
        provided = provided_filesystem(scheme_of(url), conn_id)
    except ImportError:
        # The provider is there, without the package that it reads files with.
        provided = None
    if provided is not None:
        return provided
    found = BaseHook.get_connection(conn_id)
    extra = found.extra_dejson
    # Airflow masks a connection's password, and extras whose names tell that they are secret, not every name.
    mask_secret([found.password, *(extra[name] for name in _SECRET if extra.get(name))])
    return filesystem(url, Access(conn_id, found.login or "", found.password or "", found.host or "", extra))
