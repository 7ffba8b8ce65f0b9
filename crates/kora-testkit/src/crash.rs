//! The company of the crash test's engines: documents, searches and vectors, with their declarations.

use std::sync::Arc;

use kora_core::catalog::Cataloged;
use kora_core::services::Services;
use kora_engine::crash::Company;

use crate::stepped::{EXTENSIONS, FAMILIES};

/// See the module.
pub const COMPANY: Company = Company {
    types: EXTENSIONS,
    families: FAMILIES,
    services,
    // That of collections numbers them, and numbers go on where one process reads files again and again.
    catalogs: &["kora-search"],
    beginning: BEGINNING,
    forms: FORMS,
    questions: QUESTIONS,
};

fn services(services: Services) -> Services {
    let (services, searches) = kora_search::Service::new().among(services);
    let (services, collections) = kora_doc::Service::new().among(services);
    services.with(Arc::new(Cataloged::new(vec![searches, collections])))
}

const BEGINNING: &[&str] = &[
    "FT.CREATE hashes ON HASH PREFIX 2 hash {t}hash SCHEMA f0 TAG f1 NUMERIC SORTABLE f2 TEXT",
    "FT.CREATE values ON JSON PREFIX 2 json {t}json SCHEMA $.g AS g TAG $.n AS n NUMERIC $.t AS t TEXT",
    "JSON.SET json0 $ {\"n\":1,\"u\":2,\"g\":[\"g0\"],\"t\":\"stone_river\"}",
    "DOC.CREATE people",
    "DOC.CREATEINDEX people u unique",
    "DOC.CREATEINDEX people n sorted",
    "DOC.SET people d0 {\"n\":1,\"u\":1,\"g\":[\"g1\"],\"t\":\"cloud\"}",
    "VADD vectors0 VALUES 2 0.5 1 m0",
];

const FORMS: &[&str] = &[
    "FT.CREATE hashes ON HASH PREFIX 2 hash {t}hash SCHEMA f0 TAG f1 NUMERIC SORTABLE f2 TEXT",
    "FT.CREATE hashes ON HASH PREFIX 1 hash FILTER @f1>0 SCHEMA f0 TEXT f1 NUMERIC f2 TAG",
    "FT.CREATE values ON JSON PREFIX 2 json {t}json SCHEMA $.g AS g TAG $.n AS n NUMERIC $.t AS t TEXT",
    "FT._CREATEIFNX values ON JSON PREFIX 1 json SCHEMA $.g[*] AS g TAG SORTABLE $.n AS n NUMERIC SORTABLE",
    "FT.ALTER hashes SCHEMA ADD f3 TAG",
    "FT.ALTER values SCHEMA ADD $.u AS u NUMERIC",
    "FT._ALTERIFNX values SCHEMA ADD $.u AS u NUMERIC",
    "FT.DROPINDEX hashes",
    "FT.DROPINDEX values DD",
    "FT._DROPINDEXIFX values",
    "FT.DROP hashes",
    "FT._DROPIFX values KEEPDOCS",
    "FT.ALIASADD alias hashes",
    "FT._ALIASADDIFNX alias values",
    "FT.ALIASUPDATE alias values",
    "FT.ALIASDEL alias",
    "FT._ALIASDELIFX alias",
    "FT.SYNUPDATE hashes s0 abc <member>",
    "FT.DICTADD words <member> <member>",
    "FT.DICTDEL words <member>",
    "FT.SUGADD suggestions <member> <count>",
    "FT.SUGADD suggestions <member> 1 INCR PAYLOAD <value>",
    "FT.SUGDEL suggestions <member>",
    "HSET <hash> f0 <tag> f1 <int> f2 stone",
    "HSET <hash> f0 <tag> f1 <count> f2 river f3 <tag>",
    "HSET <hash> f1 <float>",
    "JSON.SET <json> $ <document>",
    "JSON.SET <json> $ <document>",
    "JSON.SET <json> $.n <int>",
    "JSON.MSET <json> $ <document> <json> $.g [\"g2\"]",
    "JSON.MERGE <json> $ {\"n\":3,\"t\":null}",
    "JSON.NUMINCRBY <json> $.n <int>",
    "JSON.NUMMULTBY <json> $.n <count>",
    "JSON.NUMPOWBY <json> $.n 2",
    "JSON.STRAPPEND <json> $.t \"_apple\"",
    "JSON.ARRAPPEND <json> $.g \"g3\"",
    "JSON.ARRINSERT <json> $.g 0 \"g1\"",
    "JSON.ARRPOP <json> $.g",
    "JSON.ARRTRIM <json> $.g 0 0",
    "JSON.CLEAR <json> $.g",
    "JSON.TOGGLE <json> $.b",
    "JSON.SET <json> $.b true",
    "JSON.DEL <json> $.t",
    "JSON.FORGET <json> $",
    "DOC.CREATE people",
    "DOC.CREATEINDEX people u unique",
    "DOC.CREATEINDEX people n sorted",
    "DOC.CREATEINDEX people g array",
    "DOC.CREATEINDEX people t hash",
    "DOC.DROPINDEX people n",
    "DOC.DROPINDEX people u",
    "DOC.DROP people",
    "DOC.SET people <name> <document>",
    "DOC.SET people <name> <document>",
    "DOC.SET people <name> <document> PX <ttl-ms>",
    "DOC.INSERT people <document>",
    "DOC.MSET people <name> <document> <name> <document>",
    "DOC.UPDATE people <name> INCR n 1 PUSH g \"g2\"",
    "DOC.UPDATE people <name> SET u 4 DEL t",
    "DOC.DEL people <name>",
    "VADD <vectors> VALUES 2 <float> <float> <member>",
    "VADD <vectors> VALUES 2 1 <count> <member> SETATTR {\"n\":1}",
    "VSETATTR <vectors> <member> {\"n\":2}",
    "VREM <vectors> <member>",
    "DEL <any> <any>",
    "UNLINK <any>",
    "RENAME <any> <any>",
    "COPY <any> <any> REPLACE",
    "MOVE <any> 1",
    "PEXPIRE <any> <ttl-ms>",
    "PERSIST <any>",
];

const QUESTIONS: &[&str] = &[
    "FT._LIST",
    "FT.SEARCH hashes * NOCONTENT LIMIT 0 100 DIALECT 2",
    "FT.SEARCH hashes @f0:{g0|g1} NOCONTENT LIMIT 0 100 DIALECT 2",
    "FT.SEARCH hashes @f0:g0 NOCONTENT LIMIT 0 100 DIALECT 2",
    "FT.SEARCH hashes @f1:[1,3] NOCONTENT LIMIT 0 100 DIALECT 2",
    "FT.SEARCH hashes @f2:stone NOCONTENT LIMIT 0 100 DIALECT 2",
    "FT.SEARCH hashes @f3:{g*} NOCONTENT LIMIT 0 100 DIALECT 2",
    "FT.AGGREGATE hashes * LOAD 1 @f1 GROUPBY 1 @f1 REDUCE COUNT 0 AS c",
    "FT.SEARCH values * NOCONTENT LIMIT 0 100 DIALECT 2",
    "FT.SEARCH values @g:{g0} NOCONTENT LIMIT 0 100 DIALECT 2",
    "FT.SEARCH values @n:[1,4] NOCONTENT LIMIT 0 100 DIALECT 2",
    "FT.SEARCH values @u:[1,4] NOCONTENT LIMIT 0 100 DIALECT 2",
    "FT.SEARCH values @t:stone_river NOCONTENT LIMIT 0 100 DIALECT 2",
    "FT.SEARCH alias * NOCONTENT LIMIT 0 100 DIALECT 2",
    "FT.DICTDUMP words",
    "FT.SUGGET suggestions m MAX 20",
    "FT.SYNDUMP hashes",
    "DOC.INDEXES people",
    "DOC.COUNT people WHERE n>=0",
    "DOC.FIND people WHERE n>=2 WITHIDS LIMIT 100",
    "DOC.FIND people WHERE u=4 WITHIDS LIMIT 100",
    "DOC.FIND people WHERE t='cloud' WITHIDS LIMIT 100",
    "DOC.COUNT people WHERE g='g1'",
];
