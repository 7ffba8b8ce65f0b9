//! A client that changes its keys until its server is gone.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::change::{Change, Generator, key_of};
use super::ledger::Ledger;
use super::state::Key;
use crate::frame::Frame;
use crate::target::tcp::TcpConnection;
use crate::target::{Connection as _, encode_into};

/// One client's part of a cycle.
pub(super) struct Client<'a> {
    pub(super) id: usize,
    pub(super) connection: TcpConnection,
    pub(super) generator: &'a mut Generator,
    pub(super) ledger: &'a Mutex<Ledger>,
    /// Changes sent at once.
    pub(super) depth: usize,
    /// The list to which all clients append in this cycle.
    pub(super) shared_list: Key,
    pub(super) cycle: usize,
    /// The server is about to be ended: connections may break.
    pub(super) is_ending: &'a AtomicBool,
    /// Ends the client.
    pub(super) is_over: &'a AtomicBool,
    /// Where the last append to the shared list went, if that has not been told yet.
    pub(super) seen: Option<usize>,
}

impl Client<'_> {
    /// Works until the server is gone.
    ///
    /// # Errors
    /// When the server refuses something, or is gone though nobody ended it.
    pub(super) fn work(mut self) -> Result<(), String> {
        while !self.is_over.load(Ordering::Acquire) {
            match self.batch() {
                Ok(None) => {}
                Ok(Some(refused)) => return Err(refused),
                Err(error) if !self.is_ending.load(Ordering::Acquire) => {
                    return Err(format!("client {}: {error}", self.id));
                }
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Sends some changes and reads the replies.
    fn batch(&mut self) -> io::Result<Option<String>> {
        let count = 1 + self.generator.random().below(self.depth);
        let changes: Vec<_> = (0..count).map(|_| self.change()).collect();
        let mut bytes = Vec::new();
        let mut reply_counts = Vec::new();
        for change in &changes {
            let commands = change.commands();
            commands.iter().for_each(|command| encode_into(&mut bytes, command));
            reply_counts.push(commands.len());
        }
        let mut ledger = self.ledger.lock();
        changes.iter().for_each(|change| ledger.send(change.clone()));
        drop(ledger);
        self.connection.send_raw(&bytes)?;
        for (change, reply_count) in changes.iter().zip(reply_counts) {
            let mut last = Frame::Closed;
            for _ in 0..reply_count {
                last = self.connection.receive()?;
                if last == Frame::Closed {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                let refused = [&last].into_iter().chain(last.items()).find(|frame| frame.is_error());
                if let Some(refused) = refused {
                    return Ok(Some(format!("{change:?} was refused: {refused}")));
                }
            }
            self.acknowledge(change, &last);
        }
        Ok(None)
    }

    fn acknowledge(&mut self, change: &Change, reply: &Frame) {
        let mut ledger = self.ledger.lock();
        ledger.acknowledge();
        if let Change::Append { key, element } = change
            && *key == self.shared_list
            && let Some(length) = reply.number().and_then(|length| usize::try_from(length).ok())
        {
            ledger.note_position(length - 1, element.clone());
            self.seen = Some(length);
        }
    }

    /// The next change: now and then one that the other clients see, or that tells what was seen of them.
    fn change(&mut self) -> Change {
        if self.generator.random().one_in(10) {
            return Change::Append { key: self.shared_list.clone(), element: self.generator.unique() };
        }
        match self.seen.take() {
            Some(length) => Change::Set {
                key: seen_key(self.id),
                value: format!("{}:{length}", self.cycle).into_bytes(),
                deadline_ms: None,
            },
            None => self.generator.next(),
        }
    }
}

/// Where a client tells how long it saw the shared list.
pub(super) fn seen_key(client: usize) -> Key {
    key_of(client, "seen", 0)
}
