//! FT.CURSOR, and the cursors that FT.AGGREGATE opens.

use std::collections::VecDeque;

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_core::time::UnixMs;

use super::aggregate::{Style, Table, write_rows};
use super::{READS, of_arguments, refusal, service};
use crate::command::options::{CursorOptions, Format};
use crate::command::small::Cursor;
use crate::service::{Fields, KeptRows, Opened, Service};

/// Rows of a reply if nothing is said.
const ROWS: u64 = 1000;

pub(super) const CURSOR: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.cursor",
        since: "1.1.0",
        summary: "Reads on from a cursor, deletes it, or deletes those that were left alone for too long",
        complexity: "O(N) with N rows of the reply",
        args: &[
            Arg::string("action"),
            Arg::string("index"),
            Arg::integer("cursor"),
            Arg::integer("count").token("COUNT").optional(),
        ],
        ..READS
    },
    handler: cursor,
};

/// What FT.CURSOR GC replies if no cursor was left alone for too long.
const NONE_IDLE: i64 = -1;
const NOT_FOUND: CommandError = CommandError::text("Cursor not found");

fn cursor(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let service = service(ctx)?;
    match Cursor::parse(&args[1..]).map_err(of_arguments)? {
        Cursor::Read { cursor, count, .. } => {
            permit(ctx, &service, cursor)?;
            read(&service, (cursor, count), ctx.now, out)
        }
        Cursor::Delete { cursor, .. } => {
            permit(ctx, &service, cursor)?;
            let opened = service.state().cursors.take(cursor, ctx.now);
            opened.ok_or(CommandError::text("Cursor does not exist"))?;
            out.ok();
            Ok(())
        }
        Cursor::Collect => {
            let gone = service.state().cursors.take_idle(ctx.now).len();
            out.integer(if gone == 0 { NONE_IDLE } else { number(gone as u64) });
            Ok(())
        }
    }
}

/// Refuses users who may not read what a cursor's index looks at.
fn permit(ctx: &Ctx<'_>, service: &Service, cursor: u64) -> CommandResult {
    let index = service.state().cursors.index(cursor);
    match index.and_then(|index| service.find(&index)) {
        Some(declared) => ctx.permit_index(&declared.schema.prefixes, false),
        None => Ok(()),
    }
}

/// Replies the next rows.
fn read(
    service: &Service,
    (cursor, count): (u64, Option<u64>),
    now: UnixMs,
    out: &mut dyn Reply,
) -> CommandResult {
    let mut opened = service.state().cursors.take(cursor, now).ok_or(NOT_FOUND)?;
    let count = count.map_or(opened.count, |count| usize::try_from(count).unwrap_or(usize::MAX));
    let page = VecDeque::from(opened.rows.take(count));
    opened.used = now;
    let is_expanded = opened.is_expanded;
    let is_over = page.len() < count;
    if !is_over {
        let idle_at = opened.idle_at();
        service.state().cursors.put_back(cursor, opened);
        service.note_due(Some(idle_at));
    }
    out.array(2);
    let is_expanded = is_expanded && out.is_resp3();
    let format = if is_expanded { Format::Expand } else { Format::Text };
    write_rows(page.len() as u64, &page, Style { format, warning: None }, out);
    out.integer(if is_over { 0 } else { number(cursor) });
    Ok(())
}

/// A cursor that is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// The index, as it was named.
    pub(super) index: Box<[u8]>,
    pub(super) options: CursorOptions,
    /// A number that it has if that is free.
    pub(super) number: u64,
    /// When its time begins.
    pub(super) now: UnixMs,
}

/// Replies the first rows, and keeps the others.
pub(super) fn open(
    service: &Service,
    asked: &Asked,
    elapsed_ms: i64,
    table: Table,
    out: &mut dyn Reply,
) -> CommandResult {
    let Asked { index, options, number: free, now } = asked;
    let Table { total, mut rows, style } = table;
    let count = usize::try_from(options.count.unwrap_or(ROWS)).unwrap_or(usize::MAX);
    let page = take(&mut rows, count);
    let mut cursor = 0;
    if page.len() >= count {
        let most = service.state().settings.cursor_idle_ms_max;
        let opened = Opened {
            index: index.clone(),
            rows: KeptRows::of(rows),
            is_expanded: style.format == Format::Expand,
            count,
            idle_ms_max: options.idle_ms_max.map_or(most, |asked| asked.min(most)),
            used: UnixMs(now.0.saturating_add(elapsed_ms)),
        };
        let idle_at = opened.idle_at();
        cursor = service.state().cursors.open(*free, opened).map_err(refusal)?;
        service.note_due(Some(idle_at));
    }
    out.array(2);
    write_rows(total, &page, style, out);
    out.integer(number(cursor));
    Ok(())
}

fn take(rows: &mut VecDeque<Fields>, count: usize) -> VecDeque<Fields> {
    let rest = rows.split_off(count.min(rows.len()));
    std::mem::replace(rows, rest)
}

fn number(cursor: u64) -> i64 {
    i64::try_from(cursor).unwrap_or(i64::MAX)
}
