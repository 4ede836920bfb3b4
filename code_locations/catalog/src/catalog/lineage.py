"""Column lineage of a model, computed once per combination of inputs.

Parsing SQL is most of the work of DataHub's dbt source. The result depends on the SQL, the dialect
and the columns of the tables that the SQL names; an entry's key covers all of these.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from stack.digests import digest

if TYPE_CHECKING:
    from datahub.ingestion.source.dbt.dbt_common import DBTNode
    from datahub.ingestion.source.dbt.dbt_core import DBTCoreSource
    from datahub.sql_parsing.schema_resolver import SchemaResolver
    from datahub.sql_parsing.sqlglot_lineage import SqlParsingResult

_PLAIN = re.compile(r"[A-Za-z0-9_]+")


class Lineage:
    """The parser's results by key, as JSON: those of an earlier run, and those used now.

    `made_by` is what all results depend on besides their inputs. A result with an error isn't kept:
    it may be a time-out.
    """

    def __init__(self, earlier: Mapping[str, str], made_by: str) -> None:
        self._earlier = earlier
        self._made_by = made_by
        self.used: dict[str, str] = {}
        self.parsed = 0

    def key(self, sql: str, ctes: Mapping[str, str], dialect: str, tables: SchemaResolver) -> str:
        """A fingerprint of everything that the parser is given."""
        place = [type(tables).__name__, tables.platform, tables.platform_instance, tables.env]
        named = dict(_named(sql, ctes, tables))
        return digest([self._made_by, sql, dict(ctes), dialect, place, named])

    def get(self, key: str) -> SqlParsingResult | None:
        """The stored result for the key, if there is one."""
        from datahub.sql_parsing.sqlglot_lineage import SqlParsingResult

        text = self._earlier.get(key)
        if text is None:
            return None
        self.used[key] = text
        return SqlParsingResult.model_validate_json(text)

    def put(self, key: str, result: SqlParsingResult) -> None:
        """Store a result, if it is certain and survives a round trip."""
        self.parsed += 1
        if result.debug_info.error is not None:
            return
        text = result.model_dump_json()
        if type(result).model_validate_json(text).model_dump_json() == text:
            self.used[key] = text


def _named(
    sql: str, ctes: Mapping[str, str], tables: SchemaResolver
) -> Iterator[tuple[str, dict[str, str] | None]]:
    """The tables that the SQL may refer to, and their columns.

    A table counts if its name is in the text. A name that could be written in several ways always
    counts.
    """
    text = " ".join((sql, *ctes.values())).casefold()
    for urn in tables.get_urns():
        name = _name(urn)
        if not _PLAIN.fullmatch(name) or name.casefold() in text:
            columns = tables.resolve_urn(urn)[1]
            # The order of columns matters too, for `select *`.
            yield (
                urn,
                None
                if columns is None
                else {f"{i} {n}": columns[n] for i, n in enumerate(columns)},
            )


def _name(urn: str) -> str:
    from datahub.metadata.urns import DatasetUrn

    return DatasetUrn.from_string(urn).name.rsplit(".", 1)[-1]


def dbt_source(lineage: Lineage, config: Mapping[str, Any]) -> DBTCoreSource:
    """DataHub's dbt source, which parses only SQL whose lineage isn't known."""
    from datahub.ingestion.api.common import PipelineContext

    with warnings.catch_warnings():
        # sqlglot warns about an accelerator that another package installed.
        warnings.simplefilter("ignore")
        from datahub.ingestion.source.dbt.dbt_core import DBTCoreConfig, DBTCoreSource

    class Source(DBTCoreSource):
        def _parse_cll(
            self, node: DBTNode, cte_mapping: dict[str, str], schema_resolver: SchemaResolver
        ) -> SqlParsingResult:
            dialect = node.dbt_adapter or schema_resolver.platform
            key = lineage.key(node.compiled_code or "", cte_mapping, dialect, schema_resolver)
            known = lineage.get(key)
            if known is None:
                known = super()._parse_cll(node, cte_mapping, schema_resolver)
                lineage.put(key, known)
            return known

    return Source(DBTCoreConfig(**config), PipelineContext(run_id="catalog"))
