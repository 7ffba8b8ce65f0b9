//! What engines of the crash test have beside the core: types, commands and catalogs of other crates, forms of their commands, and questions to
//! their indexes.
//!
//! The answers to the questions are part of what must be found again: an index that a start builds, of a snapshot or of effects, must
//! know what one knows that saw each write.

use std::sync::Arc;

use kora_core::catalog::Cataloged;
use kora_core::command::spec::CommandSpec;
use kora_core::command::table::{CommandTable, Handler};
use kora_core::context::Stores;
use kora_core::db::DbIndex;
use kora_core::entry::data_type::DataType;
use kora_core::journal::Journal;
use kora_core::reply::Value;
use kora_core::reply::tree::TreeSink;
use kora_core::services::Services;
use kora_core::shard::handler::run_on_stores;
use kora_core::store::ShardStore;
use kora_core::time::UnixMs;

/// See the module. Nothing of it by default.
#[derive(Clone, Copy, Debug)]
pub struct Company {
    /// Data types.
    pub types: &'static [&'static DataType],
    /// Their commands.
    pub families: &'static [&'static [CommandSpec]],
    /// Puts what they need among the services.
    pub services: fn(Services) -> Services,
    /// Names of those catalogs that must be found again to the byte.
    pub catalogs: &'static [&'static str],
    /// What is there at first.
    pub beginning: &'static [&'static str],
    /// Forms of commands, as those of the core.
    pub forms: &'static [&'static str],
    /// Questions, which change nothing.
    pub questions: &'static [&'static str],
}

impl Default for Company {
    fn default() -> Self {
        let services = |services| services;
        Self {
            types: &[],
            catalogs: &[],
            families: &[],
            services,
            beginning: &[],
            forms: &[],
            questions: &[],
        }
    }
}

/// What catalogs hold, and what indexes find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    catalogs: Vec<Option<Vec<u8>>>,
    answers: Vec<String>,
}

impl Found {
    /// What differs, in words.
    pub(super) fn differences(&self, other: &Self, company: &Company) -> Vec<String> {
        let answers = self.answers.iter().zip(&other.answers).zip(company.questions);
        let mut differences: Vec<String> = answers
            .filter(|((one, other), _)| one != other)
            .map(|((one, other), question)| format!("{question}: {one}, by its effects {other}"))
            .collect();
        if self.catalogs != other.catalogs {
            differences.push(format!("catalogs {:?}, by their effects {:?}", self.catalogs, other.catalogs));
        }
        differences
    }
}

impl Company {
    /// Asks all questions, at a time when nothing has expired.
    pub(super) fn ask(
        &self,
        stores: &mut [Box<ShardStore>],
        services: &Arc<Services>,
        table: &CommandTable<()>,
    ) -> Found {
        let compared = |name: &str| self.catalogs.contains(&name);
        let catalogs = Cataloged::among(services).filter(|catalog| compared(catalog.name()));
        let catalogs = catalogs.map(|catalog| catalog.dump()).collect();
        let answers =
            self.questions.iter().map(|question| answer(question, stores, services, table)).collect();
        Found { catalogs, answers }
    }
}

fn answer(
    question: &str,
    stores: &mut [Box<ShardStore>],
    services: &Arc<Services>,
    table: &CommandTable<()>,
) -> String {
    let args: Vec<&[u8]> = question.split(' ').map(str::as_bytes).collect();
    let command = table.resolve(&args).expect("questions are commands");
    let Handler::Core(handler) = command.handler else { unreachable!("there are no others in this table") };
    let shard_count = u16::try_from(stores.len()).expect("shards are numbered by u16");
    let mut out = TreeSink::default();
    let desk = (&mut Journal::default(), services);
    let stores = Stores::of(stores, shard_count);
    run_on_stores(stores, desk, (command.facts, handler), &args, (DbIndex(0), UnixMs(0)), &mut out);
    // What is found has no order of its own.
    match out.get(0) {
        Some(Value::Array(values)) => {
            let mut shown: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
            shown.sort_unstable();
            shown.join(", ")
        }
        value => format!("{value:?}"),
    }
}
