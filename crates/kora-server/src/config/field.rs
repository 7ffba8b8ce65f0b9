//! How typed fields of the configuration turn into directive values and back.

use kora_engine::threads::Processors;

use super::value::{InvalidValue, Setting};

/// A field's type: it becomes a [`Setting`] of its directive's shape, and comes from one.
pub trait Field: Sized {
    /// The value as a setting.
    fn to_setting(&self) -> Setting;

    /// The value of a setting that was read by the directive's shape.
    ///
    /// # Errors
    /// If the field is stricter than the shape.
    fn from_setting(setting: Setting) -> Result<Self, InvalidValue>;
}

/// What to say of a row of the table whose shape does not fit its field.
const MISMATCH: &str = "a directive's shape fits its field: a test reads every directive";

impl Field for bool {
    fn to_setting(&self) -> Setting {
        Setting::Bool(*self)
    }

    fn from_setting(setting: Setting) -> Result<Self, InvalidValue> {
        let Setting::Bool(value) = setting else { unreachable!("{MISMATCH}") };
        Ok(value)
    }
}

macro_rules! number_fields {
    ($($number:ty),*) => {
        $(impl Field for $number {
            fn to_setting(&self) -> Setting {
                Setting::Int(i64::try_from(*self).expect(MISMATCH))
            }

            fn from_setting(setting: Setting) -> Result<Self, InvalidValue> {
                let Setting::Int(value) = setting else { unreachable!("{MISMATCH}") };
                Ok(Self::try_from(value).expect(MISMATCH))
            }
        })*
    };
}

number_fields!(u8, u16, u32, i32, i64);

/// A size in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteCount(pub u64);

impl Field for ByteCount {
    fn to_setting(&self) -> Setting {
        Setting::Bytes(self.0)
    }

    fn from_setting(setting: Setting) -> Result<Self, InvalidValue> {
        let Setting::Bytes(value) = setting else { unreachable!("{MISMATCH}") };
        Ok(Self(value))
    }
}

/// Permission bits of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileMode(pub u32);

impl Field for FileMode {
    fn to_setting(&self) -> Setting {
        Setting::Octal(self.0)
    }

    fn from_setting(setting: Setting) -> Result<Self, InvalidValue> {
        let Setting::Octal(value) = setting else { unreachable!("{MISMATCH}") };
        Ok(Self(value))
    }
}

impl Field for Vec<u8> {
    fn to_setting(&self) -> Setting {
        Setting::Text(self.clone())
    }

    fn from_setting(setting: Setting) -> Result<Self, InvalidValue> {
        let Setting::Text(value) = setting else { unreachable!("{MISMATCH}") };
        Ok(value)
    }
}

impl Field for Processors {
    fn to_setting(&self) -> Setting {
        Setting::Text(self.text().to_vec())
    }

    fn from_setting(setting: Setting) -> Result<Self, InvalidValue> {
        let list = Self::parse(&Vec::from_setting(setting)?);
        list.ok_or_else(|| "it must be a list of processors, like 0,2 or 0-7:2".into())
    }
}

impl Field for Vec<String> {
    fn to_setting(&self) -> Setting {
        Setting::Words(self.iter().map(|word| word.clone().into_bytes()).collect())
    }

    fn from_setting(setting: Setting) -> Result<Self, InvalidValue> {
        let Setting::Words(words) = setting else { unreachable!("{MISMATCH}") };
        let words = words.into_iter().map(String::from_utf8).collect::<Result<_, _>>();
        words.map_err(|_| "argument must be UTF-8 text".into())
    }
}

/// Declares an enum whose values are the words of a directive.
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$value_meta:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$value_meta])* $value,)*
        }

        impl $name {
            /// Its words, in the order error messages list them.
            pub const WORDS: &[&str] = &[$($word),*];

            /// Its word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)*
                }
            }
        }

        impl $crate::config::field::Field for $name {
            fn to_setting(&self) -> $crate::config::value::Setting {
                $crate::config::value::Setting::Choice(self.word())
            }

            fn from_setting(
                setting: $crate::config::value::Setting,
            ) -> Result<Self, $crate::config::value::InvalidValue> {
                match setting {
                    $($crate::config::value::Setting::Choice($word) => Ok(Self::$value),)*
                    other => unreachable!("{other:?} is not among the words of {}", stringify!($name)),
                }
            }
        }
    };
}
pub(super) use choice;
