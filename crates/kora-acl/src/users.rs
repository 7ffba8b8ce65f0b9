//! The set of all users. There is always one called `default`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::password::Digest;
use crate::rules::{Context, RuleError};
use crate::user::User;

/// The name of the user that clients are at first.
pub const DEFAULT: &[u8; 7] = b"default";

/// See the module.
#[derive(Clone, Debug)]
pub struct Users {
    by_name: BTreeMap<Box<[u8]>, Arc<User>>,
    next_serial: u64,
}

impl Users {
    /// The one that there is at first.
    #[must_use]
    pub fn new(catalog: &Catalog) -> Self {
        let first = User::first(catalog);
        Self { by_name: BTreeMap::from([(first.name.clone(), Arc::new(first))]), next_serial: 1 }
    }

    /// The user called `name`.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&Arc<User>> {
        self.by_name.get(name)
    }

    /// The user `default`.
    ///
    /// # Panics
    /// Never: it can't be removed.
    #[must_use]
    pub fn default_user(&self) -> &Arc<User> {
        self.get(DEFAULT).expect("the default user is never removed")
    }

    /// What became of a user that was known before: itself, as it is now, or nothing if it was removed since.
    #[must_use]
    pub fn current(&self, known: &User) -> Option<&Arc<User>> {
        self.get(known.name()).filter(|user| user.is_same(known))
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<User>> {
        self.by_name.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none: never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Changes a user by all of `rules`, or by none; makes it if there is none of this name.
    ///
    /// # Errors
    /// The place of the first rule that is refused, and why.
    pub fn set(
        &mut self,
        name: &[u8],
        rules: &[impl AsRef<[u8]>],
        context: Context<'_>,
    ) -> Result<(), (usize, RuleError)> {
        let mut user = match self.get(name) {
            Some(user) => User::clone(user),
            None => User { serial: self.next_serial, ..User::new(name, context) },
        };
        for (at, rule) in rules.iter().enumerate() {
            user.apply(rule.as_ref(), context).map_err(|error| (at, error))?;
        }
        self.insert(user);
        Ok(())
    }

    /// Puts a user in the place of the one of its name.
    pub(crate) fn insert(&mut self, user: User) {
        self.next_serial = self.next_serial.max(user.serial + 1);
        self.by_name.insert(user.name.clone(), Arc::new(user));
    }

    /// Removes a user; whether it was there. `default` stays.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        name != DEFAULT && self.by_name.remove(name).is_some()
    }

    /// `requirepass`: the one password of the default user, or none if it is empty.
    pub fn set_default_password(&mut self, password: &[u8]) {
        let mut user = User::clone(self.default_user());
        user.needs_no_password = password.is_empty();
        user.passwords.clear();
        if !password.is_empty() {
            user.passwords.push(Digest::of(password));
        }
        self.insert(user);
    }

    /// Takes over all of `others`. Who has a name of before is the same user, with other rules.
    pub fn replace(&mut self, others: Self) {
        let before = std::mem::take(&mut self.by_name);
        for user in others.by_name.into_values() {
            let mut user = Arc::unwrap_or_clone(user);
            user.serial = match before.get(user.name()) {
                Some(known) => known.serial,
                None => self.next_serial,
            };
            self.insert(user);
        }
    }
}
