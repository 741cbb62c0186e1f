"""A URL and what a connection says → the filesystem of the object store.

S3, Google's and Azure's are pyarrow's own, so that nothing more needs to be installed; any other is what fsspec has.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import fsspec
from fsspec.implementations.arrow import ArrowFSWrapper

from airflow_ml_monitor.errors import SpecError

_URL: Final = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?P<authority>[^/]*)/*(?P<path>.*)", re.DOTALL)

Stores = Callable[[str, str], fsspec.AbstractFileSystem]
"""The filesystem of a URL by the connection of an id, empty for none; SpecError where there is no such connection."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a connection holds. Only its name may be told."""

    name: str = ""
    login: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    host: str = field(default="", repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def said(self, *names: str) -> Any:
        """The first of some extras that is there; '' without any. Google's once had a prefix."""
        every = (*names, *(f"extra__google_cloud_platform__{name}" for name in names))
        return next((self.extra[name] for name in every if self.extra.get(name)), "")

    def refuse(self, names: tuple[str, ...], provider: str) -> None:
        """SpecError if it asks for what is not understood here: another identity than meant would be used."""
        if told := [name for name in names if self.extra.get(name)]:
            raise SpecError(
                f"connection {self.name!r} has {told[0]!r}, which only the provider follows; pip install '{provider}'",
                field="source.connection",
            )


def scheme_of(path: str) -> str:
    """The scheme of a URL, in lower case; '' of a path on this machine.

    >>> scheme_of("S3://lake/scores"), scheme_of("/data/scores"), scheme_of("file:///data")
    ('s3', '', 'file')
    """
    found = _URL.fullmatch(path)
    return found["scheme"].lower() if found else ""


def filesystem(url: str, access: Access) -> fsspec.AbstractFileSystem:
    """The filesystem that reads a URL. SpecError where its scheme, or its connection, is not understood."""
    scheme = scheme_of(url)
    try:
        return _STORES.get(scheme, _other)(url, access)
    except (ImportError, AttributeError) as error:
        told = str(error) if isinstance(error, ImportError) else "this build of pyarrow cannot"
        raise SpecError(f"{scheme}:// cannot be read here: {told}", field="source.path") from None
    except (TypeError, ValueError) as error:
        if isinstance(error, SpecError):
            raise
        # Not quoted: what is wrong with it may be a secret.
        where = f"connection {access.name!r}" if access.name else f"{scheme}://"
        raise SpecError(
            f"{where} gives no access to a store of {scheme}://: {type(error).__name__}", field="source.connection"
        ) from None


def _s3(url: str, access: Access) -> fsspec.AbstractFileSystem:
    """As Airflow's connections of type aws say it."""
    from pyarrow import fs

    access.refuse(("profile_name", "assume_role_method", "assume_role_with_web_identity", "session_kwargs"), _AMAZON)
    service = access.said("service_config")
    of_s3 = service.get("s3", {}) if isinstance(service, Mapping) else {}
    found: dict[str, Any] = {}
    if endpoint := str(of_s3.get("endpoint_url") or access.said("endpoint_url", "host")):
        scheme, _, server = endpoint.rstrip("/").rpartition("://")
        found = {"scheme": scheme or "https", "endpoint_override": server}
    key = access.login or access.said("aws_access_key_id")
    if role := access.said("role_arn"):
        if key:
            access.refuse(("role_arn",), _AMAZON)
        more = {"session_name": access.said("role_session_name"), "external_id": access.said("external_id")}
        found |= {"role_arn": str(role), **{name: str(value) for name, value in more.items() if value}}
    elif key:
        found |= {"access_key": str(key), "secret_key": str(access.password or access.said("aws_secret_access_key"))}
        found |= {"session_token": str(token)} if (token := access.said("aws_session_token")) else {}
    elif access.said("anon", "anonymous"):
        found["anonymous"] = True
    return ArrowStore(fs.S3FileSystem(region=_region(url, access, endpoint), **found))


def _region(url: str, access: Access, endpoint: str) -> str:
    """Where a bucket is: as is said, else as AWS says of it; a server of another's has none."""
    said = access.said("region_name") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if said or endpoint:
        return str(said or "us-east-1")
    from pyarrow import fs

    try:
        return str(fs.resolve_s3_region(_authority(url)))
    except OSError:
        # What is wrong shows when it is listed.
        return "us-east-1"


def _authority(url: str) -> str:
    found = _URL.fullmatch(url)
    return found["authority"] if found else ""


def _gcs(url: str, access: Access) -> fsspec.AbstractFileSystem:
    """As Airflow's connections of type google_cloud_platform say it."""
    access.refuse(("impersonation_chain", "key_secret_name", "credential_config_file"), _GOOGLE)
    if key := access.said("keyfile_dict", "key_path"):
        # pyarrow takes no key of a service account but from the environment.
        return fsspec.filesystem("gcs", token=key, skip_instance_cache=True)
    from pyarrow import fs

    found: dict[str, Any] = {"anonymous": True} if access.said("anonymous", "anon") else {}
    if endpoint := access.said("endpoint_url"):
        scheme, _, server = str(endpoint).rstrip("/").rpartition("://")
        found |= {"scheme": scheme or "https", "endpoint_override": server}
    return ArrowStore(fs.GcsFileSystem(**found))


def _azure(url: str, access: Access) -> fsspec.AbstractFileSystem:
    """As Airflow's connections of types wasb and adls say it."""
    from pyarrow import fs

    access.refuse(("connection_string", "managed_identity_client_id", "workload_identity_tenant_id"), _AZURE)
    tenant = access.said("tenant_id")
    host = re.sub(r"^https?://", "", access.host)
    named = _authority(url).partition("@")[2] or access.said("account_name") or host or ("" if tenant else access.login)
    if not named:
        raise SpecError(
            "names no account; write abfs://container@account.dfs.core.windows.net/path, or put the account into the "
            "connection",
            field="source.path",
        )
    found: dict[str, Any] = {"account_name": str(named).partition(".")[0]}
    if tenant:
        found |= {"tenant_id": str(tenant), "client_id": access.login, "client_secret": access.password}
    elif token := access.said("sas_token"):
        found["sas_token"] = str(token)
    elif key := access.password or access.said("account_key"):
        found["account_key"] = str(key)
    return ArrowStore(fs.AzureFileSystem(**found))


def _other(url: str, access: Access) -> fsspec.AbstractFileSystem:
    """Of any scheme that fsspec knows; the connection's extra are its options."""
    options = {"username": access.login, "password": access.password, "host": access.host}
    given = {name: value for name, value in options.items() if value} | dict(access.extra)
    return fsspec.filesystem(scheme_of(url), **given)


_AMAZON: Final = "apache-airflow-providers-amazon[s3fs]"
_GOOGLE: Final = "apache-airflow-providers-google gcsfs"
_AZURE: Final = "apache-airflow-providers-microsoft-azure"
_STORES: Final[Mapping[str, Callable[[str, Access], fsspec.AbstractFileSystem]]] = {
    **dict.fromkeys(("s3", "s3a", "s3n"), _s3),
    **dict.fromkeys(("gs", "gcs"), _gcs),
    **dict.fromkeys(("abfs", "abfss", "az", "wasb", "wasbs"), _azure),
}


class ArrowStore(ArrowFSWrapper):  # type: ignore[misc]
    """A store that pyarrow reads: listed in one go, read by ranges."""

    cachable = False

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        """`container@account` is the container; pyarrow's filesystem is of one account."""
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        found = _URL.fullmatch(text := os.fspath(path) if isinstance(path, Path) else str(path))
        if not found:
            return text.rstrip("/")
        return f"{found['authority'].partition('@')[0]}/{found['path']}".rstrip("/")

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **_: Any
    ) -> Any:
        """Everything below a path: a thousand folders of days are one request, not a thousand."""
        from pyarrow import fs

        home = self._strip_protocol(path)
        selector = fs.FileSelector(home, recursive=maxdepth != 1, allow_not_found=True)
        found = {}
        for one in self.fs.get_file_info(selector):
            depth = one.path.removeprefix(home).strip("/").count("/") + 1
            if (one.is_file or withdirs) and (maxdepth is None or depth <= maxdepth):
                found[one.path] = self._make_entry(one)
        return found if detail else sorted(found)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        with self.fs.open_input_file(self._strip_protocol(path)) as file:
            begins = start or 0
            found: bytes = file.read_at((file.size() if end is None else end) - begins, begins)
            return found
