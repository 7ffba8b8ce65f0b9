//! `math.random` and `math.randomseed`, with the generator that Redis gives its scripts: the same numbers on every machine.
//!
//! The generator is drand48's: `x = 0x5DEECE66D * x + 0xB` modulo 2^48, of which the upper 31 bits are used. It goes on from
//! script to script, and all interpreters of an engine share it: otherwise each worker would give the same numbers again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mlua::{Lua, MultiValue, Table};

use super::native::{self, Arguments, Failure, Outcome};

/// The state that a new generator starts from.
const START: u64 = 0x1234_ABCD_330E;

const STATE_MASK: u64 = (1 << 48) - 1;
const SEED_LOW_BITS: u64 = 0x330E;
const LARGEST: u32 = i32::MAX as u32;

/// A generator. Its clones are the same one.
#[derive(Clone, Debug)]
pub struct Random(Arc<AtomicU64>);

impl Default for Random {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(START)))
    }
}

impl Random {
    /// The next 31 bits.
    fn next(&self) -> u32 {
        let step = |state: u64| state.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & STATE_MASK;
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| Some(step(state)));
        let (Ok(before) | Err(before)) = before;
        u32::try_from(step(before) >> 17).expect("31 of 48 bits are left")
    }
}

/// The two functions, with the numbers of `generator`.
pub(super) fn library(lua: &Lua, generator: &Random) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let shared = generator.clone();
    let random = native::function(lua, move |lua, arguments| random(lua, &arguments, &shared))?;
    table.raw_set("random", random)?;
    let shared = generator.clone();
    let seed = native::function(lua, move |_, arguments| seed(&arguments, &shared))?;
    table.raw_set("randomseed", seed)?;
    Ok(table)
}

fn random(lua: &Lua, arguments: &Arguments, generator: &Random) -> Outcome {
    let part = f64::from(generator.next() % LARGEST) / f64::from(LARGEST);
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

fn seed(arguments: &Arguments, generator: &Random) -> Outcome {
    let seed = u64::from(arguments.int(1)?.cast_unsigned());
    generator.0.store((seed << 16) | SEED_LOW_BITS, Ordering::Relaxed);
    Ok(MultiValue::new())
}
