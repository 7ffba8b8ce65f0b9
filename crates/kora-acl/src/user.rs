//! A user: whether it is on, its passwords, and what its selectors allow.

use crate::catalog::Catalog;
use crate::password::Digest;
use crate::pattern::Form;
use crate::rules::Context;
use crate::selector::Selector;

/// See the module.
#[derive(Clone, Debug)]
pub struct User {
    pub(crate) name: Box<[u8]>,
    /// Tells it from others that had the name before. Changes keep it.
    pub(crate) serial: u64,
    pub(crate) is_on: bool,
    pub(crate) needs_no_password: bool,
    pub(crate) skips_sanitizing: bool,
    pub(crate) passwords: Vec<Digest>,
    /// What the rules outside of parentheses say.
    pub(crate) root: Selector,
    /// Those in parentheses.
    pub(crate) selectors: Vec<Selector>,
}

impl PartialEq for User {
    /// Whether they are called the same and may do the same by the same rules.
    fn eq(&self, other: &Self) -> bool {
        let fields = |user: &Self| (user.is_on, user.needs_no_password, user.skips_sanitizing);
        self.name == other.name
            && fields(self) == fields(other)
            && self.passwords == other.passwords
            && self.root == other.root
            && self.selectors == other.selectors
    }
}

impl Eq for User {}

impl User {
    /// A new user: off, without a password, allowed nothing.
    #[must_use]
    pub fn new(name: impl Into<Box<[u8]>>, context: Context<'_>) -> Self {
        Self {
            name: name.into(),
            serial: 0,
            is_on: false,
            needs_no_password: false,
            skips_sanitizing: false,
            passwords: Vec::new(),
            root: Selector::new(context),
            selectors: Vec::new(),
        }
    }

    /// The user `default` as it is at first: on, without a password, allowed everything.
    #[must_use]
    pub fn first(catalog: &Catalog) -> Self {
        Self {
            name: Box::from(*super::users::DEFAULT),
            serial: 0,
            is_on: true,
            needs_no_password: true,
            skips_sanitizing: false,
            passwords: Vec::new(),
            root: Selector::unlimited(catalog),
            selectors: Vec::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Whether it is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Whether any password is right.
    #[must_use]
    pub fn needs_no_password(&self) -> bool {
        self.needs_no_password
    }

    /// Whether nobody has to prove that he is this user: as `default`, new clients may do what it may.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_on && self.needs_no_password
    }

    /// Whether it may do everything.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.every_selector().any(Selector::is_unlimited)
    }

    /// Whether this password is the user's, and the user is on. Complexity: O(passwords), whichever is right.
    #[must_use]
    pub fn admits(&self, password: &[u8]) -> bool {
        let given = Digest::of(password);
        let is_right = self.passwords.iter().fold(false, |is_right, known| is_right | (*known == given));
        self.is_on && (self.needs_no_password || is_right)
    }

    /// Whether this is the same user as another, changed or not.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.serial == other.serial && self.name == other.name
    }

    /// Its selectors, that of the rules outside of parentheses first.
    pub fn every_selector(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.selectors)
    }

    /// The rules outside of parentheses.
    #[must_use]
    pub fn root(&self) -> &Selector {
        &self.root
    }

    /// Those in parentheses.
    #[must_use]
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// The digests of its passwords.
    #[must_use]
    pub fn passwords(&self) -> &[Digest] {
        &self.passwords
    }

    /// The words that say of it what no pattern does, in Redis's order.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let sanitizes = if self.skips_sanitizing { "skip-sanitize-payload" } else { "sanitize-payload" };
        let on = if self.is_on { "on" } else { "off" };
        [Some(on), self.needs_no_password.then_some("nopass"), Some(sanitizes)].into_iter().flatten()
    }

    /// Its rules in one line: applied to a new user they make this one.
    pub(crate) fn describe(&self, form: Form) -> Vec<u8> {
        let mut words: Vec<Vec<u8>> = self.flags().map(|flag| flag.as_bytes().to_vec()).collect();
        words.extend(self.passwords.iter().map(|digest| format!("#{}", digest.digits()).into_bytes()));
        words.push(self.root.describe(form));
        let selectors = self.selectors.iter();
        words.extend(selectors.map(|selector| [b"(", &selector.describe(form)[..], b")"].concat()));
        words.join(&b' ')
    }

    /// The line of ACL LIST.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        self.line_as(Form::Shown)
    }

    /// The line of a file that declares it.
    #[must_use]
    pub fn file_line(&self) -> Vec<u8> {
        self.line_as(Form::File)
    }

    fn line_as(&self, form: Form) -> Vec<u8> {
        [b"user", &self.name[..], &self.describe(form)].join(&b' ')
    }
}
