//! The functions of Lua that an interpreter keeps, by number.
//!
//! What Rust holds of Lua's lies on a stack of Lua's that has room for 8000 values, of which a script may need nearly all
//! at once. So functions that stay lie in a table, where Lua finds them by their numbers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mlua::{Function, Lua, Table, Value, WeakLua};

/// The functions of one state.
pub(crate) struct Bodies {
    lua: WeakLua,
    table: Table,
    /// Numbers that are not in use any more.
    free: RefCell<Vec<i64>>,
    last: Cell<i64>,
}

/// A function that stays until this is dropped.
pub(crate) struct Body {
    bodies: Rc<Bodies>,
    number: i64,
}

impl Bodies {
    /// Keeps functions in `table`.
    pub(crate) fn new(lua: &Lua, table: Table) -> Rc<Self> {
        Rc::new(Self { lua: lua.weak(), table, free: RefCell::default(), last: Cell::new(0) })
    }

    /// Keeps a function.
    ///
    /// # Errors
    /// If Lua has no memory for it.
    pub(crate) fn keep(self: &Rc<Self>, function: &Function) -> mlua::Result<Body> {
        let free = self.free.borrow_mut().pop();
        let number = free.unwrap_or_else(|| self.last.get() + 1);
        self.last.set(self.last.get().max(number));
        let body = Body { bodies: Rc::clone(self), number };
        self.table.raw_set(number, function)?;
        Ok(body)
    }
}

impl Body {
    /// What Lua finds it by.
    pub(crate) fn number(&self) -> i64 {
        self.number
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if self.bodies.lua.try_upgrade().is_none() {
            return;
        }
        // A place that is there needs no memory to be emptied; one that could not be filled is empty.
        let _ = self.bodies.table.raw_set(self.number, Value::Nil);
        self.bodies.free.borrow_mut().push(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again() {
        let lua = Lua::new();
        let bodies = Bodies::new(&lua, lua.create_table().unwrap());
        let function = lua.create_function(|_, ()| Ok(())).unwrap();
        let many: Vec<_> = (0..20_000).map(|_| bodies.keep(&function).unwrap()).collect();
        assert_eq!(many.last().map(Body::number), Some(20_000));
        assert_eq!(bodies.table.raw_len(), 20_000);
        drop(many);
        assert_eq!(bodies.table.raw_len(), 0);
        let again = bodies.keep(&function).unwrap();
        assert!(again.number() <= 20_000);
        drop(function);
        drop(lua);
        drop(again);
    }
}
