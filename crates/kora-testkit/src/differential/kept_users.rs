//! Many random users at once, written to a file and read again: they are afterwards what they were.

use anyhow::{Context as _, ensure};

use super::users::{Both, material, rule, words};
use super::vocabulary::Rng;
use crate::frame::Frame;
use crate::target::tcp::TcpTarget;
use crate::target::{Connection, Resp, Target as _};

/// Rules of a user at most.
const RULES_MAX: u64 = 8;

/// One user in so many is asked about by name.
const ASKED: u64 = 97;

/// What all of some servers reply, which must be the same.
fn ask(connections: &mut [Box<dyn Connection>], words: &[String]) -> anyhow::Result<Frame> {
    let args: Vec<Vec<u8>> = words.iter().map(|word| word.clone().into_bytes()).collect();
    connections.iter_mut().try_for_each(|connection| connection.send(&args))?;
    let replies: Vec<Frame> =
        connections.iter_mut().map(|connection| connection.receive()).collect::<Result<_, _>>()?;
    let first = replies.first().context("there is a server")?;
    ensure!(replies.iter().all(|reply| reply == first), "{words:?}: {replies:?}");
    Ok(first.clone())
}

/// Deletes the users with patterns beside the one for all keys, which Redis writes and reads as others or not at all; how many there
/// were.
fn drop_unreadable(connections: &mut [Box<dyn Connection>]) -> anyhow::Result<u64> {
    let mut dropped = 0;
    for line in ask(connections, &words(&["acl", "list"]))?.items() {
        let line = String::from_utf8_lossy(line.bytes()).into_owned();
        let rules: Vec<&str> = line.split(' ').map(|word| word.trim_start_matches('(')).collect();
        let is_pattern = |at: usize| rules.get(at).is_some_and(|word| word.starts_with(['~', '%']));
        let is_unreadable =
            (2..rules.len()).any(|at| rules[at] == "~*" && (is_pattern(at - 1) || is_pattern(at + 1)));
        if let Some(user) = line.split(' ').nth(1).filter(|_| is_unreadable) {
            ask(connections, &words(&["acl", "deluser", user]))?;
            dropped += 1;
        }
    }
    Ok(dropped)
}

/// Makes so many users on each of some servers, which have a file of users, has them saved and loaded, and looks at them before and
/// after. All other users but `default` are deleted before, and these in the end.
///
/// # Errors
/// If anything is another than it was, or than on another server; or when a server can't be reached.
pub fn run_kept_users(seed: u64, count: u64, targets: &mut [TcpTarget]) -> anyhow::Result<()> {
    let (first, last) = (targets.first().cloned(), targets.last().cloned());
    let (mut first, mut last) = (first.context("a server")?, last.context("a server")?);
    let material =
        material(&mut Both { reference: first.connect(Resp::V2)?, other: last.connect(Resp::V2)? })?;
    let mut all: Vec<_> =
        targets.iter_mut().map(|target| target.connect(Resp::V2)).collect::<Result<_, _>>()?;
    let mut rng = Rng(seed);
    let name = |index: u64| format!("kept:{index}");
    for index in 0..count {
        let mut set = words(&["acl", "setuser", &name(index)]);
        for _ in 0..rng.below(RULES_MAX) {
            set.extend(rule(&mut rng, &material));
        }
        ask(&mut all, &set)?;
        // What was refused has made no user.
        ask(&mut all, &words(&["acl", "setuser", &name(index)]))?;
    }
    let (made, mut count) = (count, count);
    if targets.len() > 1 {
        count -= drop_unreadable(&mut all)?;
    }
    let mut look = || -> anyhow::Result<Vec<Frame>> {
        let mut seen = vec![ask(&mut all, &words(&["acl", "list"]))?];
        for index in (0..made).step_by(usize::try_from(ASKED)?) {
            seen.push(ask(&mut all, &words(&["acl", "getuser", &name(index)]))?);
        }
        for word in ["save", "load"] {
            let reply = ask(&mut all, &words(&["acl", word]))?;
            ensure!(!reply.is_error(), "ACL {word}: {reply}");
        }
        Ok(seen)
    };
    let (before, after) = (look()?, look()?);
    for (before, after) in before.iter().zip(&after) {
        ensure!(before == after, "before\n{before}\nafter\n{after}");
    }
    let users = before.first().map_or(0, |list| list.items().len());
    ensure!(users as u64 > count, "there are {users} users and not {count} and `default`");
    for index in 0..made {
        ask(&mut all, &words(&["acl", "deluser", &name(index)]))?;
    }
    ask(&mut all, &words(&["acl", "save"]))?;
    Ok(())
}
