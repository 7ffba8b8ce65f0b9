//! A conversation with a server: commands sent, replies printed, and what the server remembers of it followed along, so
//! that the prompt can show it and a broken connection can be made again.
//!
//! A command is sent again only if it certainly did not run: a connection that the server closed while it was idle is
//! noticed before anything is sent on it. If the connection breaks after that, the user is told, since the command
//! may have taken effect. An open transaction that is lost this way is said, not replaced by single commands.

mod command;
mod listen;
mod redirect;
mod state;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kora_protocol::Frame;

use crate::connection::{Connection, Endpoint, Profile, Protocol, reason};
use crate::format::{Form, Formatter, Layout, write_quoted};
use crate::preferences::Preference;
use crate::shared::Shared;
use command::Kind;
pub(crate) use listen::{Heard, Keys, ready};
use redirect::{REDIRECTIONS_MAX, Redirection};
pub(crate) use state::State;

/// Pause before a second attempt to connect again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// What became of a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered, or needs no answer.
    Done,
    /// The server answered with this error.
    Refused(Vec<u8>),
    /// There was no answer; why not has been printed.
    Lost,
}

/// What came of waiting for an answer.
enum Answer {
    /// The command is done with.
    Final(Outcome),
    /// The command is to be sent elsewhere.
    Elsewhere(Redirection),
}

/// How a session behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Whether messages that no command asked for are printed.
    pub(crate) show_pushes: bool,
    /// Whether what is done beside commands is said.
    pub(crate) verbose: bool,
    /// Whether redirections of a cluster are followed.
    pub(crate) follows: bool,
}

/// A conversation; see the module.
#[derive(Debug)]
pub(crate) struct Session {
    profile: Profile,
    connection: Option<Connection>,
    state: State,
    formatter: Formatter,
    manner: Manner,
    shared: Arc<Shared>,
    /// Whether an error reply is left to the caller instead of being printed.
    pub(crate) withhold_errors: bool,
    interrupt: Option<Arc<AtomicBool>>,
}

impl Session {
    /// A session that is not connected yet.
    pub(crate) fn new(profile: Profile, formatter: Formatter, manner: Manner) -> Self {
        Self {
            state: State::at(profile.db),
            profile,
            connection: None,
            formatter,
            manner,
            shared: Arc::default(),
            withhold_errors: false,
            interrupt: None,
        }
    }

    /// Lets `flag` end any waiting for the server.
    pub(crate) fn interrupt_on(&mut self, flag: Arc<AtomicBool>) {
        self.interrupt = Some(flag);
    }

    /// Whether a person types the commands and reads the replies: then documents and results of searches are laid out, and commands that
    /// take long say how long.
    pub(crate) fn is_for_a_person(&self) -> bool {
        self.interrupt.is_some() && self.formatter.form == Form::Standard
    }

    /// What is shared with the line editor.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Whether a person sits at a terminal, whatever the form of replies.
    pub(crate) fn is_attended(&self) -> bool {
        self.interrupt.is_some() && io::stdout().is_terminal()
    }

    /// Whether a person prefers `preference`; nobody does where no person is, or replies are for programs.
    pub(crate) fn prefers(&self, preference: Preference) -> bool {
        self.is_for_a_person() && self.shared.preferences.is(preference)
    }

    /// The flag that ends waiting, if there is one.
    pub(crate) fn interrupt(&self) -> Option<&AtomicBool> {
        self.interrupt.as_deref()
    }

    /// Prints what is laid out for people as bytes alone from now on; returns the form of before.
    pub(crate) fn print_for_programs(&mut self) -> Form {
        let form = self.formatter.form;
        if form == Form::Standard {
            self.formatter.form = Form::Raw;
        }
        form
    }

    /// Prints in `form` from now on.
    pub(crate) fn set_form(&mut self, form: Form) {
        self.formatter.form = form;
    }

    /// Whether the replies of `args` have no end.
    pub(crate) fn is_endless(args: &[Vec<u8>]) -> bool {
        Kind::of(args) == Kind::Stream
    }

    /// The address in use.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.profile.endpoint
    }

    /// What the server remembers; `None` without a connection.
    pub(crate) fn state(&self) -> Option<&State> {
        self.connection.is_some().then_some(&self.state)
    }

    /// Connects if there is no connection.
    ///
    /// # Errors
    /// If that fails.
    pub(crate) fn connect(&mut self) -> io::Result<&mut Connection> {
        if self.connection.is_none() {
            if self.manner.verbose {
                eprintln!("Connecting to {}", self.profile.endpoint);
            }
            let (connection, handshake) = Connection::open(&self.profile, self.interrupt.clone())?;
            for warning in handshake.warnings {
                eprintln!("{warning}");
            }
            let db = if handshake.selected { self.profile.db } else { 0 };
            self.state = State::at(db);
            self.connection = Some(connection);
        }
        Ok(self.connection.as_mut().expect("it was made above if there was none"))
    }

    /// Goes to another address, as the same user.
    ///
    /// # Errors
    /// If that fails.
    pub(crate) fn connect_to(&mut self, endpoint: Endpoint) -> io::Result<()> {
        self.profile.endpoint = endpoint;
        self.profile.db = 0;
        self.connection = None;
        self.connect().map(drop)
    }

    /// Goes to another server.
    ///
    /// # Errors
    /// If that fails.
    pub(crate) fn connect_as(&mut self, profile: Profile) -> io::Result<()> {
        self.profile = profile;
        self.connection = None;
        self.connect().map(drop)
    }

    /// Sends a command and returns its reply, printing nothing but why there is none.
    pub(crate) fn ask<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Option<Frame> {
        if !self.be_ready() {
            return None;
        }
        match self.connection.as_mut()?.request(args) {
            Ok(reply) => Some(reply),
            Err(error) => {
                self.report_broken(&error);
                None
            }
        }
    }

    /// Connects again with two attempts; the failure of both is printed.
    fn reconnect(&mut self) -> bool {
        self.connection = None;
        if self.connect().is_ok() {
            return true;
        }
        std::thread::sleep(RECONNECT_PAUSE);
        match self.connect() {
            Ok(_) => true,
            Err(error) => {
                self.report_unreachable(&error);
                false
            }
        }
    }

    /// Says that the server cannot be reached.
    pub(crate) fn report_unreachable(&self, error: &io::Error) {
        eprintln!("Could not connect to {}: {}", self.profile.endpoint, reason(error));
    }

    /// Sends a command and prints its reply, or its replies if it is one that has many.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub(crate) fn run(&mut self, args: &[Vec<u8>], out: &mut dyn Write) -> io::Result<Outcome> {
        let mut redirections_left = if self.manner.follows { REDIRECTIONS_MAX } else { 0 };
        loop {
            if !self.be_ready() {
                return Ok(Outcome::Lost);
            }
            let connection = self.connection.as_mut().expect("a ready session is connected");
            let sent = connection.send(args);
            let answered = match sent {
                // A transaction goes on where it began: its server refuses it as a whole.
                Ok(()) => self.answer(args, redirections_left > 0 && !self.state.in_transaction, out)?,
                Err(error) => Err(error),
            };
            match answered {
                Ok(Answer::Final(outcome)) => return Ok(outcome),
                Ok(Answer::Elsewhere(redirection)) => {
                    redirections_left -= 1;
                    if !self.follow(redirection, out)? {
                        return Ok(Outcome::Lost);
                    }
                }
                Err(error) => {
                    self.report_broken(&error);
                    return Ok(Outcome::Lost);
                }
            }
        }
    }

    /// Goes where a cluster redirects to; returns whether it is there.
    fn follow(&mut self, redirection: Redirection, out: &mut dyn Write) -> io::Result<bool> {
        let Redirection { slot, endpoint, is_asking } = redirection;
        if self.formatter.form == Form::Standard {
            writeln!(out, "-> Redirected to slot [{slot}] located at {endpoint}")?;
        }
        if let Err(error) = self.connect_to(endpoint) {
            self.report_unreachable(&error);
            return Ok(false);
        }
        Ok(!is_asking || self.ask(&["ASKING"]).is_some())
    }

    /// Whether a command can be sent: connects if needed, and again if the server closed the connection meanwhile.
    fn be_ready(&mut self) -> bool {
        match &self.connection {
            None => self.reconnect(),
            Some(connection) if connection.is_closed_by_peer() => {
                let lost_transaction = self.state.in_transaction;
                let connected = self.reconnect();
                if lost_transaction {
                    eprintln!("Error: the connection was lost, and the transaction with it");
                }
                connected && !lost_transaction
            }
            Some(_) => true,
        }
    }

    /// Ends the connection that failed and says why, unless the user wanted it so.
    fn report_broken(&mut self, error: &io::Error) {
        self.connection = None;
        match error.kind() {
            io::ErrorKind::Interrupted => {
                if let Some(interrupt) = &self.interrupt {
                    interrupt.store(false, Ordering::Relaxed);
                }
                self.reconnect();
            }
            _ => eprintln!("Error: {}", reason(error)),
        }
    }

    /// Prints what is answered to `args`. The outer error is that of `out`, the inner one the connection's.
    fn answer(
        &mut self,
        args: &[Vec<u8>],
        may_go_elsewhere: bool,
        out: &mut dyn Write,
    ) -> io::Result<io::Result<Answer>> {
        let kind = Kind::of(args);
        let mut replies_left = self.state.reply_count(kind, args);
        // Only a person goes back to the prompt while messages come.
        let is_endless = kind == Kind::Stream || kind == Kind::Subscribe && self.interrupt.is_none();
        if !self.state.expects_reply(args) {
            return Ok(Ok(Answer::Final(Outcome::Done)));
        }
        loop {
            let connection = self.connection.as_mut().expect("a command was sent on it");
            let frame = match connection.receive() {
                Ok(frame) => frame,
                Err(error) => return Ok(Err(error)),
            };
            let is_push = matches!(frame.bare(), Frame::Push(_));
            if !is_endless && self.state.is_message(&frame) {
                self.print(&[], &frame, out)?;
                continue;
            }
            if is_push && kind == Kind::Ordinary {
                self.print_push(&frame, out)?;
                continue;
            }
            self.state.follow_message(&frame);
            if let Some(error) = frame.as_error() {
                if may_go_elsewhere
                    && let Some(redirection) = Redirection::read(error, &self.profile.endpoint)
                {
                    return Ok(Ok(Answer::Elsewhere(redirection)));
                }
                if self.withhold_errors {
                    return Ok(Ok(Answer::Final(Outcome::Refused(error.to_vec()))));
                }
            }
            self.print(args, &frame, out)?;
            if let Some(error) = frame.as_error() {
                self.state.follow_refused(args);
                return Ok(Ok(Answer::Final(Outcome::Refused(error.to_vec()))));
            }
            replies_left = replies_left.saturating_sub(1);
            if !is_endless && replies_left == 0 {
                self.learn(args, &frame);
                return Ok(Ok(Answer::Final(Outcome::Done)));
            }
        }
    }

    /// Prints `frame` as the reply to `args`.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub(crate) fn print(&self, args: &[Vec<u8>], frame: &Frame, out: &mut dyn Write) -> io::Result<()> {
        let mut text = Vec::new();
        if command::is_document(args) {
            self.formatter.document(&mut text, frame);
        } else if self.is_for_a_person() {
            self.formatter.view(&mut text, args, frame, self.layout());
        } else {
            self.formatter.reply(&mut text, frame);
        }
        out.write_all(&text)?;
        out.flush()
    }

    fn layout(&self) -> Layout {
        let preferences = &self.shared.preferences;
        Layout { pairs: preferences.is(Preference::Pairs), tables: preferences.is(Preference::Tables) }
    }

    fn print_push(&self, frame: &Frame, out: &mut dyn Write) -> io::Result<()> {
        if !self.manner.show_pushes {
            return Ok(());
        }
        let mut text = Vec::new();
        self.formatter.push(&mut text, frame);
        out.write_all(&text)
    }

    /// Follows what a command that was not refused changed.
    fn learn(&mut self, args: &[Vec<u8>], frame: &Frame) {
        self.state.follow(args, frame);
        if self.is_for_a_person() {
            command::keys_in(args, frame).into_iter().for_each(|key| self.shared.keys.add(key));
        }
        if let Some(login) = command::login(args) {
            self.profile.login = Some(login);
        }
        if let Some(resp3) = command::protocol(args) {
            self.profile.protocol = if resp3 { Protocol::Resp3 } else { Protocol::Resp2 };
        }
        if !self.state.in_transaction {
            self.profile.db = self.state.db;
        }
        if self.manner.verbose {
            let mut line = Vec::new();
            write_quoted(&mut line, args.first().map_or(&b""[..], Vec::as_slice));
            eprintln!("{} answered", String::from_utf8_lossy(&line));
        }
    }
}

#[cfg(test)]
mod tests;
