//! CLIENT TRACKING and what belongs to it: clients that keep copies of what they read.

use std::sync::Arc;

use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;
use kora_core::reply::Reply;
use kora_engine::caching::{Caching, Choices, Located, Modes, Prefix, Shown};
use kora_engine::front::{ClientId, Front, Whereabouts};

use crate::command::Call;
use crate::shared::Shared;
use crate::shared::client::Client;

/// What CLIENT GETREDIR and CLIENT TRACKINGINFO answer a client that keeps no copies.
const NO_REDIRECTION: i64 = -1;

/// The words behind CLIENT TRACKING ON or OFF.
#[derive(Debug, Default)]
struct Options {
    modes: Modes,
    redirect: Option<Arc<Client>>,
    prefixes: Vec<Prefix>,
}

impl Options {
    fn parse(call: &Call<'_>, words: &[&[u8]]) -> CommandResult<Self> {
        let mut options = Self::default();
        let mut words = words;
        while let [word, rest @ ..] = words {
            words = rest;
            match (word.to_ascii_lowercase().as_slice(), rest) {
                (b"bcast", _) => options.modes.is_broadcast = true,
                (b"optin", _) => options.modes.opts_in = true,
                (b"optout", _) => options.modes.opts_out = true,
                (b"noloop", _) => options.modes.skips_own = true,
                (b"redirect", [id, rest @ ..]) => {
                    options.set_redirect(call, id)?;
                    words = rest;
                }
                (b"prefix", [prefix, rest @ ..]) => {
                    options.prefixes.push((*prefix).into());
                    words = rest;
                }
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(options)
    }

    fn set_redirect(&mut self, call: &Call<'_>, id: &[u8]) -> CommandResult {
        if self.redirect.is_some() {
            return Err(CommandError::text("ERR A client can only redirect to a single other client"));
        }
        let id = parse_i64(id).ok_or(CommandError::NotInteger)?;
        let client = u64::try_from(id).ok().and_then(|id| call.front.clients.get(ClientId(id)));
        let unknown = "ERR The client ID you want redirect to does not exist";
        self.redirect = Some(client.ok_or(CommandError::text(unknown))?);
        Ok(())
    }

    /// Whether these go together, and with what the client has chosen before.
    fn check(&self, present: Option<&Shown>) -> CommandResult {
        let Modes { is_broadcast, opts_in, opts_out, .. } = self.modes;
        if !is_broadcast && !self.prefixes.is_empty() {
            return Err(CommandError::text("ERR PREFIX option requires BCAST mode to be enabled"));
        }
        if present.is_some_and(|present| present.modes.is_broadcast != is_broadcast) {
            return Err(CommandError::text(
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ));
        }
        if is_broadcast && (opts_in || opts_out) {
            return Err(CommandError::text("ERR OPTIN and OPTOUT are not compatible with BCAST"));
        }
        if opts_in && opts_out {
            return Err(CommandError::text("ERR You can't specify both OPTIN mode and OPTOUT mode"));
        }
        let switches =
            |present: &Shown| opts_in && present.modes.opts_out || opts_out && present.modes.opts_in;
        if present.is_some_and(switches) {
            return Err(CommandError::text(
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ));
        }
        self.check_prefixes(present)
    }

    /// Whether no prefix begins with another one.
    fn check_prefixes(&self, present: Option<&Shown>) -> CommandResult {
        for (index, prefix) in self.prefixes.iter().enumerate() {
            let mut known = present.iter().flat_map(|present| &present.prefixes);
            if let Some(other) = known.find(|other| overlap(prefix, other)) {
                return Err(collision(prefix, "an existing prefix", other));
            }
            if let Some(other) = self.prefixes[index + 1..].iter().find(|other| overlap(prefix, other)) {
                return Err(collision(prefix, "another provided prefix", other));
            }
        }
        Ok(())
    }
}

fn overlap(one: &[u8], other: &[u8]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn collision(prefix: &[u8], what: &str, other: &[u8]) -> CommandError {
    let [prefix, other] = [prefix, other].map(|prefix| {
        let text = kora_core::text::of(super::c_string(prefix));
        text.replace(['\r', '\n'], " ")
    });
    let text = format!(
        "ERR Prefix '{prefix}' overlaps with {what} '{other}'. Prefixes for a single client must not overlap."
    );
    CommandError::Other(text.into())
}

pub(super) fn tracking(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let options = Options::parse(call, &args[3..])?;
    match args[2].to_ascii_lowercase().as_slice() {
        b"on" => begin(call, options)?,
        b"off" => end(call),
        _ => return Err(CommandError::Syntax),
    }
    call.reply().ok();
    Ok(())
}

fn begin(call: &mut Call<'_>, options: Options) -> CommandResult {
    let readers = &call.engine.broker.readers;
    let id = call.session.client.id;
    options.check(readers.shown(id).as_ref())?;
    let Options { modes, redirect, mut prefixes } = options;
    if modes.is_broadcast && prefixes.is_empty() {
        prefixes.push(Prefix::default());
    }
    let redirect = redirect.map(|client| {
        client.hear_for_others();
        (client.id, located(&client))
    });
    let tells_apart = Shared::tells_messages_apart(call.session.choice.style);
    let choices = Choices { modes, redirect, prefixes, tells_apart };
    readers.begin(id, located(&call.session.client), choices);
    call.session.caching.get_or_insert_default().modes = modes;
    Ok(())
}

fn located(client: &Arc<Client>) -> Arc<dyn Located> {
    Arc::new(Whereabouts::<Shared>(Arc::clone(client)))
}

/// The connection keeps no copies any more.
pub(in crate::command) fn end(call: &mut Call<'_>) {
    if call.session.caching.take().is_some() {
        call.engine.broker.readers.end(call.session.client.id);
    }
}

/// The connection has chosen a version of the protocol.
pub(in crate::command) fn note_style(call: &Call<'_>) {
    if call.session.caching.is_some() {
        let tells_apart = Shared::tells_messages_apart(call.session.choice.style);
        call.engine.broker.readers.set_style(call.session.client.id, tells_apart);
    }
}

pub(super) fn caching(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let Some(caching) = &mut call.session.caching else {
        return Err(CommandError::text(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode \
             enabled",
        ));
    };
    let Caching { modes, is_given, .. } = &mut **caching;
    match args[2].to_ascii_lowercase().as_slice() {
        b"yes" if !modes.opts_in => {
            return Err(CommandError::text(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
        b"no" if !modes.opts_out => {
            return Err(CommandError::text(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
        b"yes" | b"no" => *is_given = true,
        _ => return Err(CommandError::Syntax),
    }
    call.reply().ok();
    Ok(())
}

/// The client that is told of changes in this one's stead; 0: itself.
fn redirection(shown: Option<&Shown>) -> i64 {
    shown.map_or(NO_REDIRECTION, |shown| {
        shown.redirect.map_or(0, |client| i64::try_from(client.0).unwrap_or(i64::MAX))
    })
}

pub(super) fn getredir(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let shown = call.engine.broker.readers.shown(call.session.client.id);
    call.reply().integer(redirection(shown.as_ref()));
    Ok(())
}

pub(super) fn trackinginfo(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let shown = call.engine.broker.readers.shown(call.session.client.id);
    let is_given = call.session.caching.as_ref().is_some_and(|caching| caching.is_given);
    let modes = shown.as_ref().map(|shown| shown.modes).unwrap_or_default();
    let words = [
        (shown.is_none(), "off"),
        (shown.is_some(), "on"),
        (modes.is_broadcast, "bcast"),
        (modes.opts_in, "optin"),
        (modes.opts_in && is_given, "caching-yes"),
        (modes.opts_out, "optout"),
        (modes.opts_out && is_given, "caching-no"),
        (modes.skips_own, "noloop"),
        (shown.as_ref().is_some_and(|shown| shown.is_broken), "broken_redirect"),
    ];
    let words: Vec<_> = words.into_iter().filter(|(is_said, _)| *is_said).collect();
    let mut out = call.reply();
    out.map(3);
    out.bulk(b"flags");
    out.set(words.len());
    words.iter().for_each(|(_, word)| out.bulk(word.as_bytes()));
    out.bulk(b"redirect");
    out.integer(redirection(shown.as_ref()));
    out.bulk(b"prefixes");
    let prefixes = shown.map(|shown| shown.prefixes).unwrap_or_default();
    out.array(prefixes.len());
    prefixes.iter().for_each(|prefix| out.bulk(prefix));
    Ok(())
}
