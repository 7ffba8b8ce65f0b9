//! `math.random` and `math.randomseed`, with the generator that Redis gives its scripts: the same numbers on every machine.
//!
//! The generator is drand48's: `x = 0x5DEECE66D * x + 0xB` modulo 2^48, of which the upper 31 bits are used.

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Lua, MultiValue, Table};

use super::native::{self, Arguments, Failure, Outcome};

/// The generator's state at the start of each script: the seed zero.
pub(super) const START: u64 = SEED_LOW_BITS;

const STATE_MASK: u64 = (1 << 48) - 1;
const SEED_LOW_BITS: u64 = 0x330E;
const LARGEST: u32 = i32::MAX as u32;

/// The two functions, on the state in `state`.
pub(super) fn library(lua: &Lua, state: &Rc<Cell<u64>>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let shared = Rc::clone(state);
    let random = native::function(lua, move |lua, arguments| random(lua, &arguments, &shared))?;
    table.raw_set("random", random)?;
    let shared = Rc::clone(state);
    let seed = native::function(lua, move |_, arguments| seed(&arguments, &shared))?;
    table.raw_set("randomseed", seed)?;
    Ok(table)
}

/// The next 31 bits.
fn next(state: &Cell<u64>) -> u32 {
    let next = state.get().wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & STATE_MASK;
    state.set(next);
    u32::try_from(next >> 17).expect("31 of 48 bits are left")
}

fn random(lua: &Lua, arguments: &Arguments, state: &Cell<u64>) -> Outcome {
    let part = f64::from(next(state) % LARGEST) / f64::from(LARGEST);
    let value = match arguments.len() {
        0 => part,
        1 => {
            let upper = arguments.int(1)?;
            if upper < 1 {
                return Err(Failure::Argument(1, "interval is empty".to_owned()));
            }
            (part * f64::from(upper)).floor() + 1.0
        }
        2 => {
            let (lower, upper) = (arguments.int(1)?, arguments.int(2)?);
            if lower > upper {
                return Err(Failure::Argument(2, "interval is empty".to_owned()));
            }
            // The width is an int in C and wraps around.
            (part * f64::from(upper.wrapping_sub(lower).wrapping_add(1))).floor() + f64::from(lower)
        }
        _ => return Err(Failure::message("wrong number of arguments")),
    };
    native::one(lua, value)
}

fn seed(arguments: &Arguments, state: &Cell<u64>) -> Outcome {
    let seed = u64::from(arguments.int(1)?.cast_unsigned());
    state.set((seed << 16) | SEED_LOW_BITS);
    Ok(MultiValue::new())
}
