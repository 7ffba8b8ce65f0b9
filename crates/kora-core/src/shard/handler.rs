//! One command, run on the stores in hand: its handler, and around it the journal, which closes its effects.

use std::sync::Arc;

use super::operation::Setting;
use crate::command::Run;
use crate::command::reads::note_reads;
use crate::command::spec::Flags;
use crate::context::{Blocking, Ctx, Deferred, Stores};
use crate::db::DbIndex;
use crate::journal::Journal;
use crate::journal::meter::{Ended, Seen, Whose};
use crate::reply::Reply;
use crate::services::Services;
use crate::store::ShardStore;
use crate::time::UnixMs;

/// Where a command records what it did, and what the engine offers to it.
pub(super) type Desk<'a> = (&'a mut Journal, &'a Arc<Services>);

/// Runs a handler and closes its effects; `false` if it refused.
#[inline]
pub(super) fn run_handler<S>(
    stores: Stores<'_>,
    (journal, services): Desk<'_>,
    (facts, handler): Run,
    args: &[&[u8]],
    setting: &Setting<S>,
    blocking: Blocking<'_>,
    out: &mut dyn Reply,
) -> bool {
    let whose = setting.whose();
    let encloses = facts.may_pause();
    if encloses {
        // Those who look on hear of a script before they hear of what it calls, and of nothing between; of one that runs anew as if it had
        // not run before.
        journal.begin_block();
        journal.tell(|| Seen { name: facts.name, args, whose: Whose { is_again: false, ..whose } });
    }
    let timing = journal.begin_command(facts.name, encloses || facts.stands_aside());
    let mark = journal.open_command(setting.now);
    let Setting { db, now, no_touch, reader, .. } = *setting;
    journal.set_author(reader.map(|reader| reader.id));
    let (watch, resumed) = (setting.watch.as_ref(), setting.resumed.as_ref());
    let guard = setting.guard.as_ref();
    let command = facts.name;
    let mut ctx = Ctx {
        stores,
        journal,
        services,
        db,
        now,
        no_touch,
        blocking,
        watch,
        resumed,
        reader,
        command,
        guard,
    };
    let result = handler(&mut ctx, args, out);
    note_reads(&mut ctx, facts, args);
    let deferral = ctx.deferral();
    let ended = match deferral {
        Some(Deferred::Aside) => Ended::Aside,
        Some(_) => Ended::NotYet,
        None => Ended::Over,
    };
    if facts.flags.has(Flags::WRITE) {
        journal.close_command(mark, setting.db, facts.name, args);
    }
    let seen = || Seen { name: facts.name, args, whose };
    journal.end_command(seen, timing, ended);
    if !encloses {
        journal.tell(seen);
    } else if deferral != Some(Deferred::Paused) {
        journal.end_block(deferral != Some(Deferred::NeedsAll));
    }
    match result {
        Ok(()) => true,
        Err(error) => {
            out.refuse(&error);
            false
        }
    }
}

/// Runs one command on stores that are in nobody else's hands, replying to `out`; `false` if it refused: for the replay of
/// effects.
pub fn run_on_stores(
    stores: Stores<'_>,
    desk: (&mut Journal, &Arc<Services>),
    run: Run,
    args: &[&[u8]],
    (db, now): (DbIndex, UnixMs),
    out: &mut dyn Reply,
) -> bool {
    let setting = Setting::plain(db, now, ());
    run_handler(stores, desk, run, args, &setting, Blocking::Forbidden, out)
}

/// Runs one command on a store that belongs to no engine: for tests.
pub fn run_on_store(
    store: &mut Box<ShardStore>,
    journal: &mut Journal,
    run: Run,
    args: &[&[u8]],
    (db, now): (DbIndex, UnixMs),
    out: &mut dyn Reply,
) -> bool {
    let setting = Setting::plain(db, now, ());
    run_handler(
        Stores::One(store),
        (journal, Services::none()),
        run,
        args,
        &setting,
        Blocking::Forbidden,
        out,
    )
}
