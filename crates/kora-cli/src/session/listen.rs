//! Waiting for messages: they are printed as they come, until a key is pressed.

use std::io::{self, IsTerminal, Stdin, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::Session;

/// Longest wait before the interrupt is looked at.
const STEP: Duration = Duration::from_millis(100);

/// Why the waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The user has begun to type.
    Key,
    /// The connection is gone, or the user wanted no more of it; why has been printed.
    Over,
}

impl Session {
    /// Prints messages until a key is pressed, which is left for the line editor.
    ///
    /// # Errors
    /// If `out` cannot be written or the terminal not be read.
    pub(crate) fn listen(&mut self, out: &mut dyn Write) -> io::Result<Heard> {
        out.write_all(b"Reading messages... (press Ctrl-C to quit or any key to type command)\n")?;
        out.flush()?;
        let stdin = io::stdin();
        let _keys = Keys::of(&stdin)?;
        loop {
            match self.hear(&stdin, out)? {
                Ok(false) => {}
                Ok(true) => return Ok(Heard::Key),
                Err(error) => {
                    self.report_broken(&error);
                    return Ok(Heard::Over);
                }
            }
        }
    }

    /// One step of waiting: whether a key was pressed. The inner error is the connection's.
    fn hear(&mut self, stdin: &Stdin, out: &mut dyn Write) -> io::Result<io::Result<bool>> {
        let Some(connection) = self.connection.as_mut() else {
            return Ok(Err(io::ErrorKind::NotConnected.into()));
        };
        if connection.is_interrupted() {
            return Ok(Err(io::ErrorKind::Interrupted.into()));
        }
        match connection.received() {
            Ok(None) => {}
            Ok(Some(frame)) => {
                self.state.follow_message(&frame);
                return self.print(&[], &frame, out).map(|()| Ok(false));
            }
            Err(error) => return Ok(Err(error)),
        }
        let (is_key, is_message) = ready(stdin, connection.stream())?;
        if is_key {
            return Ok(Ok(true));
        }
        Ok(if is_message { connection.fill().map(|()| false) } else { Ok(false) })
    }
}

/// Whether a key was pressed, and whether there is something to read in `other`, after a step of time at most.
///
/// # Errors
/// If the system refuses.
pub(crate) fn ready(stdin: &Stdin, other: &impl AsFd) -> io::Result<(bool, bool)> {
    let mut watched = [PollFd::new(stdin, PollFlags::IN), PollFd::new(other, PollFlags::IN)];
    let step = Timespec::try_from(STEP).map_err(io::Error::other)?;
    match poll(&mut watched, Some(&step)) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok((false, false)),
        Err(error) => return Err(error.into()),
    }
    let [key, message] = watched.map(|watched| !watched.revents().is_empty());
    Ok((key, message))
}

/// A terminal that tells of each key at once and does not show it; it is as before when this is dropped.
pub(crate) struct Keys<'a> {
    stdin: &'a Stdin,
    before: Option<Termios>,
}

impl<'a> Keys<'a> {
    /// Makes it so.
    ///
    /// # Errors
    /// If the terminal refuses.
    pub(crate) fn of(stdin: &'a Stdin) -> io::Result<Self> {
        if !stdin.is_terminal() {
            return Ok(Self { stdin, before: None });
        }
        let before = tcgetattr(stdin)?;
        let mut keys = before.clone();
        keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(stdin, OptionalActions::Now, &keys)?;
        Ok(Self { stdin, before: Some(before) })
    }
}

impl Drop for Keys<'_> {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // A terminal that is gone needs no restoring.
            let _ = tcsetattr(self.stdin, OptionalActions::Now, before);
        }
    }
}
