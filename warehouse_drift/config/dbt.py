"""What dbt already knows: the connection in ``profiles.yml``, the table behind ``ref('model')``.

Only file databases (``path``) and servers with host, user and password are read; the profile's ``type`` must be a
dialect, whose first URL scheme is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from warehouse_drift.config.model import WarehouseConfig
from warehouse_drift.config.values import nearest

_ENV_VAR = re.compile(
    r"\{\{\s*env_var\(\s*(['\"])(.*?)\1\s*(?:,\s*(['\"])(.*?)\3\s*)?\)\s*(?:\|\s*(?:int|as_number|as_text))?\s*\}\}"
)
_SOURCE = re.compile(r"\s*source\(\s*(['\"])(?P<source>[\w.-]+)\1\s*,\s*(['\"])(?P<table>[\w.-]+)\3\s*\)\s*\Z")
_REF = re.compile(r"\s*ref\(\s*(?:(['\"])(?P<package>[\w-]+)\1\s*,\s*)?(['\"])(?P<model>[\w.-]+)\3\s*\)\s*\Z")


def profile_url(warehouse: WarehouseConfig, folder: FilePath, env: Mapping[str, str], target: str | None = None) -> str:
    """The URL of the profile's target. Raises ValueError with a sentence (which never holds a secret)."""
    import yaml

    name = warehouse.dbt_profile
    file = _profiles_file(warehouse, folder, env)
    try:
        profiles = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError):
        raise ValueError(f"{file} cannot be read as YAML") from None
    profile = profiles.get(name) if isinstance(profiles, dict) else None
    if not isinstance(profile, dict) or not isinstance(profile.get("outputs"), dict):
        known = [k for k in profiles or {} if k != "config"]
        raise ValueError(
            f"{file} has no profile {name!r}. {nearest(name, known) or 'Profiles: ' + ', '.join(known)}".strip()
        )
    wanted = _filled(target or warehouse.target or profile.get("target") or "default", env)
    output = profile["outputs"].get(wanted)
    if not isinstance(output, dict):
        known = list(profile["outputs"])
        raise ValueError(
            f"the profile {name!r} has no target {wanted!r}. {nearest(wanted, known) or 'Targets: ' + ', '.join(known)}"
        )
    return _url(
        {k: _filled(v, env) for k, v in output.items()}, f"the target {wanted!r} of the profile {name!r}", file.parent
    )


def _profiles_file(warehouse: WarehouseConfig, folder: FilePath, env: Mapping[str, str]) -> FilePath:
    if warehouse.profiles_dir:
        places = [folder / warehouse.profiles_dir]
    else:
        home = env.get("HOME") or env.get("USERPROFILE")
        places = [FilePath(env["DBT_PROFILES_DIR"])] if env.get("DBT_PROFILES_DIR") else []
        places += [folder, *([FilePath(home) / ".dbt"] if home else [])]
    for place in places:
        if (place / "profiles.yml").is_file():
            return place / "profiles.yml"
    raise ValueError(f"there is no profiles.yml in {', '.join(map(str, places))}; set profiles_dir")


def _filled(value: Any, env: Mapping[str, str]) -> Any:
    """``{{ env_var('X', 'default') }}``, the only Jinja that profiles commonly hold."""
    if not isinstance(value, str):
        return value

    def one(match: re.Match[str]) -> str:
        found = env.get(match[2], match[4])
        if found is None:
            raise ValueError(f"profiles.yml needs the environment variable {match[2]}, which is not set")
        return found

    filled = _ENV_VAR.sub(one, value)
    if "{{" in filled or "{%" in filled:
        raise ValueError("profiles.yml holds Jinja other than env_var(); give a url instead of dbt_profile")
    return filled


def _url(output: Mapping[str, Any], what: str, folder: FilePath) -> str:
    from warehouse_drift.errors import DriftError
    from warehouse_drift.sql.dialect import load_dialect

    try:
        scheme = load_dialect(str(output.get("type"))).url_schemes[0]
    except DriftError as error:
        raise ValueError(f"{what} has the type {output.get('type')!r}. {error}") from None
    if "host" not in output and "path" not in output and "user" not in output:
        return f"{scheme}:///:memory:"
    if "path" in output:
        path = str(output["path"])
        # dbt resolves a relative path against the folder it runs in, and so does the driver
        return path if "://" in path else f"{scheme}:///{path}"
    database = output.get("dbname") or output.get("database")
    missing = [
        k for k, v in (("host", output.get("host")), ("user", output.get("user")), ("dbname", database)) if not v
    ]
    if missing:
        raise ValueError(f"{what} lacks {', '.join(missing)}")
    password = output.get("password") or output.get("pass")
    secret = f":{quote(str(password), safe='')}" if password else ""
    port = f":{output['port']}" if output.get("port") else ""
    options = "&".join(
        f"{k}={quote(str(output[k]), safe='')}" for k in ("sslmode", "sslrootcert", "connect_timeout") if output.get(k)
    )
    return f"{scheme}://{quote(str(output['user']), safe='')}{secret}@{output['host']}{port}/{quote(str(database))}{'?' + options if options else ''}"


def with_password(url: str, secret: str, user: str | None = None) -> str:
    """``url`` with a password; ``user`` is used if the URL has none."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    name = login.split(":", 1)[0] or user or ""
    return urlunsplit(parts._replace(netloc=f"{name}:{quote(secret, safe='')}@{host}"))


def referenced(relation: str | None, manifest: FilePath) -> str | None:
    """The table of ``ref('model')`` or ``source('name', 'table')`` in dbt's manifest; any other text unchanged.

    Raises ValueError with a sentence."""
    from warehouse_drift.config.dbt_meta import nodes, read_manifest

    ref = _REF.match(relation) if relation else None
    source = _SOURCE.match(relation) if relation else None
    if relation is None or (ref is None and source is None):
        return relation
    try:
        there = list(nodes(read_manifest(manifest)))
    except ValueError as error:
        raise ValueError(f"relation: {'ref' if ref else 'source'}() needs dbt's manifest: {error}") from None
    if ref is not None:
        known = [n for n in there if not n.get("source_name")]
        wanted, what = ref["model"], "model"
        found = [n for n in known if n.get("name") == wanted and ref["package"] in (None, n.get("package_name"))]
        names = [str(n.get("name")) for n in known]
    else:
        assert source is not None
        known = [n for n in there if n.get("source_name")]
        wanted, what = f"{source['source']}.{source['table']}", "source"
        names = [f"{n['source_name']}.{n.get('name')}" for n in known]
        found = [n for n, name in zip(known, names, strict=True) if name == wanted]
    if not found:
        raise ValueError(f"relation: dbt's manifest has no {what} {wanted!r}. {nearest(wanted, names)}".strip())
    node = found[0]
    last = "identifier" if node.get("identifier") else "alias" if node.get("alias") else "name"
    return str(node.get("relation_name") or ".".join(str(node[k]) for k in ("database", "schema", last) if node.get(k)))
