//! Who uses the console: those who have logged in, each under a token and with a connection of its own, and those who need not.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use kora_http::Ticket;
use kora_protocol::Frame;

use super::link::{Answer, Failure, Link, Question};

/// A session that nobody has used for so long has ended.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// And so has one that is so old.
const LIFE: Duration = Duration::from_secs(12 * 3600);
/// Sessions at a time.
const SESSIONS_MAX: usize = 64;
/// Failed logins in [`FAILURES_TIME`], whoever tries.
const FAILURES_MAX: usize = 10;
const FAILURES_TIME: Duration = Duration::from_secs(60);

/// One who has logged in.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) user: String,
    /// A password was needed for it.
    pub(super) may_write: bool,
    link: Link,
    began: Instant,
    used: Instant,
}

/// A login that the server has not answered.
#[derive(Debug)]
struct Login {
    user: String,
    link: Link,
}

/// What came of a login.
#[derive(Debug)]
pub(super) enum LoggedIn {
    /// Under a token.
    Yes { ticket: Ticket, token: String, user: String },
    /// Why not.
    No { ticket: Ticket, reason: String },
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_token: HashMap<String, Session>,
    /// Of those who need not log in: from elsewhere, and on this machine.
    anonymous: [Option<Link>; 2],
    logins: Vec<Login>,
    failures: VecDeque<Instant>,
}

impl Sessions {
    /// The session of a token. It counts as used.
    pub(super) fn find(&mut self, token: &str) -> Option<&mut Session> {
        let session = self.by_token.get_mut(token)?;
        session.used = Instant::now();
        Some(session)
    }

    /// Ends the session of a token.
    pub(super) fn end(&mut self, token: &str) {
        self.by_token.remove(token);
    }

    /// The link of those on this machine, or elsewhere, who need not log in.
    pub(super) fn anonymous(&mut self, is_local: bool) -> &mut Option<Link> {
        &mut self.anonymous[usize::from(is_local)]
    }

    /// Makes room for a session: of too many the one ends that was used last before all others, those first that needed no password.
    fn make_room(&mut self) {
        while self.by_token.len() >= SESSIONS_MAX {
            let oldest = self.by_token.iter().min_by_key(|(_, session)| (session.may_write, session.used));
            let Some(token) = oldest.map(|(token, _)| token.clone()) else { return };
            self.by_token.remove(&token);
        }
    }

    /// Whether too many logins have failed of late, or are under way.
    pub(super) fn is_crowded(&mut self) -> bool {
        let now = Instant::now();
        while self.failures.pop_front_if(|failed| now.duration_since(*failed) > FAILURES_TIME).is_some() {}
        self.failures.len() + self.logins.len() >= FAILURES_MAX
    }

    /// Begins to log in over a new link.
    pub(super) fn log_in(&mut self, ticket: Ticket, user: String, password: &str, mut link: Link) {
        let hello = ["HELLO", "3", "AUTH", &user, password, "SETNAME", "kora-console"];
        let commands = vec![hello.map(|word| word.as_bytes().to_vec()).to_vec()];
        // A new link takes a question.
        let _ = link.ask(Question { ticket, db: 0, commands });
        self.logins.push(Login { user, link });
    }

    /// All links.
    pub(super) fn links(&self) -> impl Iterator<Item = &Link> {
        let of_sessions = self.by_token.values().map(|session| &session.link);
        let of_logins = self.logins.iter().map(|login| &login.link);
        of_sessions.chain(of_logins).chain(self.anonymous.iter().flatten())
    }

    /// Goes on with all links. Those that fail are gone, and so are the sessions that have them.
    pub(super) fn go_on(&mut self, answers: &mut Vec<Answer>) {
        let now = Instant::now();
        let fail = |link: Link, failure, answers: &mut Vec<Answer>| {
            let tickets = link.abandoned().into_iter();
            answers.extend(tickets.map(|ticket| Answer { ticket, replies: Err(failure) }));
        };
        for place in &mut self.anonymous {
            let Some(mut link) = place.take() else { continue };
            match link.go_on(now, answers) {
                Ok(()) => *place = Some(link),
                Err(failure) => fail(link, failure, answers),
            }
        }
        let is_old = |session: &Session| {
            now.duration_since(session.used) > IDLE || now.duration_since(session.began) > LIFE
        };
        let mut kept = HashMap::new();
        for (token, mut session) in self.by_token.drain() {
            match session.link.go_on(now, answers) {
                Ok(()) if !is_old(&session) => drop(kept.insert(token, session)),
                Ok(()) => fail(session.link, Failure::Closed, answers),
                Err(failure) => fail(session.link, failure, answers),
            }
        }
        self.by_token = kept;
    }

    /// Goes on with logins. `token` makes a new token; `may_write` tells whether a user needs a password.
    pub(super) fn go_on_with_logins(
        &mut self,
        token: impl Fn() -> Option<String>,
        may_write: impl Fn(&str) -> bool,
    ) -> Vec<LoggedIn> {
        let now = Instant::now();
        let mut outcomes = Vec::new();
        for mut login in std::mem::take(&mut self.logins) {
            let mut answers = Vec::new();
            let went_on = login.link.go_on(now, &mut answers);
            match (answers.pop(), went_on) {
                (Some(Answer { ticket, replies }), _) => {
                    let refusal = match replies {
                        Ok(replies) => refusal_of(&replies),
                        Err(failure) => Some(failure.told().1.to_owned()),
                    };
                    let outcome = match (refusal, token()) {
                        (None, Some(token)) => {
                            let Login { user, link } = login;
                            let may_write = may_write(&user);
                            let session =
                                Session { user: user.clone(), may_write, link, began: now, used: now };
                            self.make_room();
                            self.by_token.insert(token.clone(), session);
                            LoggedIn::Yes { ticket, token, user }
                        }
                        (None, None) => {
                            LoggedIn::No { ticket, reason: "there are no random numbers".to_owned() }
                        }
                        (Some(reason), _) => {
                            self.failures.push_back(now);
                            LoggedIn::No { ticket, reason }
                        }
                    };
                    outcomes.push(outcome);
                }
                (None, Ok(())) => self.logins.push(login),
                (None, Err(failure)) => {
                    let tickets = login.link.abandoned().into_iter();
                    let reason = failure.told().1;
                    outcomes.extend(tickets.map(|ticket| LoggedIn::No { ticket, reason: reason.to_owned() }));
                }
            }
        }
        outcomes
    }
}

impl Session {
    pub(super) fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

fn refusal_of(replies: &[Frame]) -> Option<String> {
    let error = replies.iter().find_map(Frame::as_error)?;
    Some(String::from_utf8_lossy(error).into_owned())
}
